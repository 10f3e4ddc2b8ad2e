"""Replays traces: comes from what a trace says of the maps to the routes, by the rules of docs/semantics.md.

The rule is in docs/trace.md. Nothing is known here of maps but what the trace says: which keys each was asked for, and what
it answered. Everything else is derived, and each event has to be the one that comes next: a trace that does not follow from
itself is refused, with the number of the event.

    zroute route-test --format json --trace ADDRESS... | replay.py
"""

import base64
import ipaddress
import json
import re
import sys
from dataclasses import dataclass, field, replace

import addresslist

VERSION = 1
GROWTH = 1 << 14
LIST_GROWTH = 1 << 20


class Wrong(Exception):
    """The trace does not follow from itself."""


class Ended(Exception):
    """The address as a whole has no routes of its own."""

    def __init__(self, kind, abandoned=False):
        super().__init__(kind)
        self.kind, self.abandoned = kind, abandoned


def octets(value):
    """The bytes of a text member."""
    return base64.b64decode(value['base64']) if isinstance(value, dict) else value.encode()


def same(given, derived):
    """Whether a member says what was derived."""
    if isinstance(derived, bytes):
        return (isinstance(given, str) or isinstance(given, dict) and set(given) == {'base64'}) and octets(given) == derived
    if isinstance(derived, list):
        return isinstance(given, list) and len(given) == len(derived) and all(map(same, given, derived))
    if isinstance(derived, dict):
        return isinstance(given, dict) and set(given) == set(derived) and all(same(given[k], derived[k]) for k in derived)
    return type(given) is type(derived) and given == derived


@dataclass
class Hit:
    """What a relation answered."""

    key: bytes
    value: bytes
    zero: bytes
    is_template: bool = False


@dataclass
class Node:
    """An address of the worklist."""

    address: bytes
    origin: bytes
    parent: int = -1
    depth: int = 0
    tail: bytes = b''
    domain: bytes = b''
    key: tuple = None
    is_quoted: bool = False
    is_trusted: bool = True


@dataclass
class Working:
    """An address on its way through the chain."""

    node: int
    address: bytes
    origin: bytes
    tail: bytes
    domain: bytes
    is_quoted: bool
    is_trusted: bool


@dataclass
class Host:
    """What a host is to the site."""

    name: bytes = None
    is_local: bool = False
    is_literal: bool = False


@dataclass
class Route:
    """A route, and the node that has it."""

    channel: bytes
    host: bytes
    user: bytes
    node: int = 0


class Replay:
    """One answer of `route-test --format json --trace`."""

    def __init__(self, answer):
        self.answer = answer
        if answer.get('version') != VERSION:
            raise Wrong(f'version {answer.get("version")}, not {VERSION}')
        self.settings = answer['site']['settings']
        self.maps = answer['site']['maps']
        self.events = answer['trace']
        self.place = 0
        self.nodes, self.pending, self.routes = [], [], []
        self.step, self.outcome = None, None

    # The events, one after another

    @property
    def next_event(self):
        return self.events[self.place] if self.place < len(self.events) else {'event': 'none'}

    def refuse(self, text):
        raise Wrong(f'event {self.place}: {text}; it is {json.dumps(self.next_event)[:300]}')

    def expect(self, word, optional=(), /, **members):
        """Takes the next event, which has to be this one."""
        event = self.next_event
        if event['event'] != word:
            self.refuse(f'a {word} event was to come: {members}')
        if set(event) - {'event'} - set(optional) != set(members):
            self.refuse(f'its members are to be {sorted(members)}')
        for member, derived in members.items():
            if not same(event[member], derived):
                self.refuse(f'{member} is to be {derived!r}')
        self.place += 1
        return event

    def begin(self, step):
        self.end_step()
        event = self.next_event
        self.outcome = 'not-local' if step == 'this host' else 'absent'
        self.step = event
        self.expect('step', step=step, outcome=event.get('outcome'))

    def end_step(self):
        if self.step and self.step['outcome'] != self.outcome:
            raise Wrong(f'before event {self.place}: the outcome of {self.step["step"]} is {self.outcome}')
        self.step = None

    def came(self, outcome):
        self.outcome = outcome

    # The whole

    def run(self):
        question = self.next_event
        typed = octets(self.answer['address'])
        self.sender = question.get('as') == 'sender'
        self.errormsg = question.get('errormsg')
        self.submitted, self.display = question.get('submitted'), question.get('display')
        self.expect(
            'question', address=typed, errormsg=bool(self.errormsg), submitted=bool(self.submitted), display=bool(self.display),
            **{'as': 'sender' if self.sender else 'recipient'})
        self.longest = len(typed) + GROWTH
        failure = None
        try:
            self.resolve(typed)
        except Ended as end:
            failure = end
            self.came('failed')
            self.fail(end, typed)
        self.end_step()
        if self.place != len(self.events):
            self.refuse('nothing was to come any more')
        self.compare(failure)

    def fail(self, end, typed):
        deviation = {'map': 'map-error', 'expansion-limit': 'limits', 'growth-limit': 'limits'}.get(end.kind, 'syntax')
        if not end.abandoned:
            self.deviation(deviation)
        reason = self.next_event.get('reason')
        self.expect('failure', kind=end.kind, reason=reason)
        if not same(self.answer.get('reason'), reason) or not reason:
            raise Wrong('the reason of the failure is not that of the answer')
        channel, host = {
            'map': (b'hold', b'IO:error'), 'expansion-limit': (b'error', b'expansionlimit'),
            'growth-limit': (b'error', b'expansionlimit'),
        }.get(end.kind, (b'error', b'syntax'))
        self.nodes, self.routes = [], [Route(channel, host, typed)]

    def compare(self, failure):
        """Compares the routes, and how they came about, with those that the answer has."""
        routes = []
        for route in self.routes:
            written = {'channel': route.channel, 'host': route.host, 'user': route.user}
            if len(self.nodes) > 1:
                chain, node = [], route.node
                while node >= 0:
                    chain.append(self.nodes[node].address)
                    node = self.nodes[node].parent
                written.update(address=chain[0], parents=chain[1:])
            routes.append(written)
        if not same(self.answer['routes'], routes):
            raise Wrong(f'the routes are {routes}, not {self.answer["routes"]}')
        channels = [(route.channel, route.host) for route in self.routes]
        status = 'routed'
        if any(channel == b'error' and host != b'<>' for channel, host in channels):
            status = 'failed'
        if any(channel == b'hold' for channel, _ in channels):
            status = 'deferred'
        if self.answer['status'] != status:
            raise Wrong(f'the status is {status}')
        if (failure is not None) != ('reason' in self.answer):
            raise Wrong('a reason is there just where the address as a whole has failed')

    def resolve(self, typed):
        event = self.next_event
        if event['event'] == 'deviation' and event.get('class') == 'channel-literal':
            if self.settings['allowchannelliteral'] or b'[' not in typed:
                self.refuse('no channel literal is refused here')
            self.deviation('channel-literal')
            raise Ended('not-allowed')
        if event['event'] in ('deviation', 'failure'):
            # Whether what was typed is an address is not judged again.
            following = self.events[self.place + 1] if self.place + 1 < len(self.events) else {}
            kind = following.get('kind')
            if kind not in ('syntax', 'not-allowed') or (kind == 'not-allowed' and not self.submitted):
                self.refuse('an address was to be taken up')
            raise Ended(kind)
        if event['event'] == 'route':
            if not self.sender or typed.strip(b' \t<>'):
                self.refuse('an address was to be taken up')
            return self.add(Route(b'error', b'<>', b'<>'))
        if event['event'] != 'address' or 'address' not in event:
            self.refuse('an address was to be taken up')
        address = octets(event['address'])
        if not any(byte in b' \t()<>"' for byte in typed) and address != typed:
            self.refuse('it is not what was asked for')
        if len(address) > len(typed):
            self.refuse('it is longer than what was asked for')
        bare = typed.strip(b' \t')
        if bare.startswith(b'<') and bare.endswith(b'>'):
            bare = bare[1:-1].strip(b' \t')
        if re.fullmatch(rb'"([^"\\]|\\.)*"', bare, re.DOTALL):
            if not event.get('quoted') or address != addresslist.unquoted(bare):
                self.refuse('a quoted string by itself stands for its content')
        elif event.get('quoted') and b'"' not in typed:
            self.refuse('nothing is quoted')
        self.nodes.append(
            Node(address, address, is_quoted=bool(event.get('quoted')), is_trusted=not self.submitted))
        self.resolve_node(0)
        self.resolve_pending()
        if not self.routes:
            self.begin('nobody left')
            keys = [node.key for node in self.nodes if node.key]
            self.to_root(Node(b'', self.nodes[0].origin, key=keys[-1] if keys else None), 0)
            self.resolve_pending()
            if not self.routes:
                raise Ended('expansion-limit')

    def resolve_pending(self):
        while self.pending:
            self.resolve_node(self.pending.pop())

    def resolve_node(self, index):
        node = self.nodes[index]
        current = Working(
            index, node.address, node.origin, node.tail, node.domain, node.is_quoted, node.is_trusted)
        hop = 0
        while True:
            self.end_step()
            form = form_of(current.address, current.is_quoted)
            members = {} if node.parent < 0 else {'parent': node.parent}
            self.expect(
                'address', node=index, hop=hop, address=current.address, form=form[0], quoted=current.is_quoted,
                origin=current.origin, tail=current.tail, domain=current.domain, **members)
            if self.fully_qualified(current, form):
                return
            current = self.take(current, form)
            if current is None:
                return
            self.check_growth(current.address)
            hop += 1
            if hop > self.settings['expansiondepth']:
                raise Ended('expansion-limit')

    # Lookups

    def relation(self, name):
        return [one for one in self.maps if one['relation'] == name]

    def probe(self, key, relation, zero=None, **table):
        """Asks one map for one key: the next event says what it answered."""
        event = self.next_event
        if event['event'] == 'failure':
            raise Ended('map', abandoned=True)
        answer = event.get('answer')
        told = {'found': ['value'], 'failed': ['reason']}.get(answer, [])
        optional = ['source']
        if not table:
            table = {'type': event.get('type'), 'file': event.get('file')}
        self.expect(
            'lookup', optional, relation=relation, key=key, answer=answer, **table,
            **{member: event.get(member) for member in told})
        if answer == 'failed':
            raise Ended('map')
        if answer == 'absent':
            return None
        return Hit(key, octets(event['value']), key if zero is None else zero)

    def find(self, relation, key, defaults=(b'.',)):
        """Asks a relation: the first map that has the key decides."""
        if not key:
            return None
        for one in self.relation(relation):
            folded = fold(key, one['folding'])
            hit = self.search(one, folded, defaults)
            if hit:
                hit.is_template = one['substitutes']
            if one['answers'] == 'key' and hit or one['answers'] == 'value-or-key' and not (hit and hit.value):
                hit = hit or Hit(folded, folded, folded)
                hit.value, hit.is_template = folded, False
            if hit:
                return hit
        return None

    def search(self, one, key, defaults):
        """Asks one map for a key and what its driver derives from it (docs/semantics.md, 6 and 9b)."""
        for tried, zero in derived_keys(one, key, defaults):
            hit = self.probe(tried, one['relation'], zero, type=one['type'], file=one['file'])
            if hit:
                return hit
        return None

    def value(self, relation, hit, arguments, growth):
        """The value of a hit with its %N replaced, which the next event shows."""
        bound = {0: hit.zero, **arguments} if hit.is_template else {}
        references = [
            hit.value[place + 1] - ord('0') for place in range(len(hit.value) - 1)
            if hit.value[place] == ord('%') and hit.value[place + 1 : place + 2].isdigit()
        ] if hit.is_template else []
        if sum(len(bound.get(number, b'')) for number in references) > growth:
            raise Ended('growth-limit')
        result = substituted(hit.value, bound)
        self.expect(
            'entry', relation=relation, key=hit.key, value=hit.value, result=result,
            arguments={str(number): text for number, text in bound.items()})
        return result

    # Step A

    def fully_qualified(self, current, form):
        address = current.address
        if self.sender or current.is_quoted or address.startswith(b'@'):
            return False
        at = form[1] if form[0] == 'domain' else address.rfind(b'@') if address.startswith(b'|') else -1
        if at <= 0 or at + 1 >= len(address):
            return False
        folded = fold(address, 'lower')
        user, domain = folded[:at], folded[at:]
        self.begin('exact address')
        if self.level(current, folded, user, domain, b'', True):
            return True
        split = tail_of(user)
        if split:
            self.begin('address without tail')
            base, length = user[: split[0]], split[0]
            written = address[:at] if self.settings['preservetailcase'] else user
            tail = written[length:] if split[1] < 0 else written[length : split[1]] + b'+' + written[split[1] + 2 :]
            if self.level(current, base + domain, base, domain, tail, False):
                return True
        self.begin('whole domain')
        return self.level(current, domain, user, domain, b'', True)

    def level(self, current, key, user, domain, tail, gives_user):
        hit = self.find('fqdnaliases', key)
        if hit and self.alias_level(current, hit, user, domain, tail, gives_user):
            return True
        hit = self.find('fqdnroutes', key)
        return bool(hit) and self.route_level(current, hit, user, domain, tail)

    def alias_level(self, current, hit, user, domain, tail, gives_user):
        if self.is_expanding('fqdnaliases', hit.key, current.node):
            return False
        template = Node(
            b'', current.address, tail=tail, domain=domain, key=('fqdnaliases', hit.key),
            is_trusted=current.is_trusted or b'%' not in hit.value)
        value = self.value('fqdnaliases', hit, {1: user} if gives_user else {}, max(self.longest, LIST_GROWTH))
        self.expand_list(value, template, current.node)
        return True

    def route_level(self, current, hit, user, domain, tail):
        value = self.value(
            'fqdnroutes', hit, {1: user, 2: tail, 3: domain, 4: current.origin, 5: current.address}, self.longest)
        route = fully_qualified_route(value, current.address)
        if route is None:
            self.unusable(value)
            return False
        self.add_read(route, hit, current)
        return True

    def unusable(self, value):
        self.came('no-route')
        self.expect('unusable-value', value=value)

    def add_read(self, route, hit, current):
        """Adds a route that a value was read as."""
        channel, host, user, is_of_value = route
        trusted = current.is_trusted or (b'%' not in hit.value and is_of_value)
        self.add_checked(channel, host, user, replace(current, is_trusted=trusted))

    # Routes

    def add_checked(self, channel, host, user, current):
        if not self.may_name_local_forms(current) and channel == b'local' and names_local_form(user):
            raise Ended('not-allowed')
        self.add(Route(channel, host, user, current.node))

    def may_name_local_forms(self, current):
        return current.is_trusted or self.display

    def add(self, route):
        if self.outcome != 'expanded':
            self.came('route')
        self.expect('route', node=route.node, channel=route.channel, host=route.host, user=route.user)
        self.routes.append(route)
        self.check_size()

    def check_size(self):
        if len(self.routes) + len(self.pending) > self.settings['expansionsize']:
            raise Ended('expansion-limit')

    def check_growth(self, address):
        if len(address) > self.longest:
            raise Ended('growth-limit')

    def refuse_address(self, current):
        """What turns out to be no address: by itself where it was expanded to, otherwise the whole."""
        if current.node == 0:
            raise Ended('syntax')
        self.add_checked(b'error', b'syntax', current.address, current)

    # Expansion

    def is_expanding(self, relation, key, index):
        while index >= 0:
            if self.nodes[index].key == (relation, key):
                self.came('duplicate')
                self.deviation('duplicate')
                return True
            index = self.nodes[index].parent
        return False

    def deviation(self, name):
        note = self.next_event.get('note')
        if not isinstance(note, str) or not note:
            self.refuse(f'a deviation of the class {name} was to come')
        self.expect('deviation', note=note, **{'class': name})

    def expand_list(self, value, template, parent):
        try:
            members = addresslist.members(value, self.settings['expansionsize'])
        except addresslist.TooMany:
            raise Ended('expansion-limit') from None
        except addresslist.Fault:
            return self.to_root(template, parent)
        self.expand('list', members, template, parent)

    def to_root(self, template, parent):
        self.deviation('alias-error')
        self.expand('root', [b'root'], template, parent)

    def expand(self, reading, members, template, parent):
        last = len(self.nodes) + len(members) - 1
        key = {'relation': template.key[0], 'key': template.key[1]} if template.key else {}
        self.came('expanded')
        self.expect(
            'expanded', node=parent, reading=reading, origin=template.origin, tail=template.tail, domain=template.domain,
            members=[{'node': last - index, 'address': member} for index, member in enumerate(members)], **key)
        depth = self.nodes[parent].depth + 1
        if depth > self.settings['expansiondepth']:
            raise Ended('expansion-limit')
        for member in reversed(members):
            self.check_growth(member)
            self.pending.append(len(self.nodes))
            self.nodes.append(replace(template, address=member, parent=parent, depth=depth))
        self.check_size()

    # Steps B, D and E

    def take(self, current, form):
        kind, place = form
        address = current.address
        if kind == 'local':
            return self.local_part(current)
        if kind == 'source-route':
            return self.source_route(current, place)
        if kind == 'bang-path':
            host, rest = address[:place], address[place + 1 :]
            if not host or not rest:
                return self.refuse_address(current)
            dotted = b'.' in host or host.startswith(b'[')
            rewritten = rest + b'@' + host + (b'' if dotted else b'.uucp')
            self.expect('rewritten', how='bang-path', address=rewritten)
            return self.by_domain(replace(current, address=rewritten), len(rest))
        if kind == 'percent':
            rewritten = address[:place] + b'@' + address[place + 1 :]
            self.expect('rewritten', how='percent', address=rewritten)
            return self.by_domain(replace(current, address=rewritten), place)
        return self.by_domain(current, place)

    def by_domain(self, current, at):
        address = current.address
        if at == 0:
            return self.refuse_address(current)
        local, domain = address[:at], address[at + 1 :]
        if not domain:
            return self.stripped(current, local, current.domain)
        host = self.canonical(domain)
        if host.is_local:
            return self.stripped(current, local, b'@' + (domain if host.name is None else host.name))
        name = domain if host.name is None else host.name
        return self.by_host(name, local + current.tail + b'@' + name, host.is_literal, current)

    def stripped(self, current, local, domain):
        address = local + current.tail
        self.expect('rewritten', how='local-part', address=address)
        return replace(current, address=address, tail=b'', domain=domain)

    def by_host(self, host, address, is_literal, current):
        if not is_literal:
            if self.domain_route(host, address, current):
                return None
            self.begin('default route')
        self.add_checked(b'smtp', host, address, current)
        return None

    def domain_route(self, host, address, current):
        self.begin('domain route')
        key = host + b':sender' if self.sender else host
        if self.errormsg:
            hit = self.find('routesdb', key, [b'.:ERROR'])
            if hit and self.obey_domain_route(hit, address, current):
                return True
        hit = self.find('routesdb', key, [b'.:sender' if self.sender else b'.:recipient', b'.'])
        return bool(hit) and self.obey_domain_route(hit, address, current)

    def obey_domain_route(self, hit, address, current):
        value = self.value('routesdb', hit, {}, self.longest)
        read = domain_route(value, address, self.time)
        if read is None:
            self.unusable(value)
            return False
        if isinstance(read, bytes):
            self.expand(
                'path', [read], Node(b'', address, is_trusted=current.is_trusted), current.node)
            return True
        self.add_read(read, hit, current)
        return True

    def time(self):
        now = self.next_event.get('time')
        if type(now) is not int:
            self.refuse('the present time was to come')
        self.expect('time', time=now)
        return now

    def canonical(self, asked):
        self.begin('this host')
        host = self.named(asked)
        if host.is_local:
            self.came('local')
        members = {} if host.name is None else {'name': host.name}
        self.expect('host', host=asked, local=host.is_local, literal=host.is_literal, **members)
        return host

    def named(self, host):
        hit = self.find('thishost', host)
        if not hit:
            return self.examined(host, None, False)
        if fold(host, 'lower').endswith(b'.uucp'):
            return self.examined(host, None, True)
        name = self.value('thishost', hit, {}, self.longest)
        self.check_growth(name)
        if not name:
            return self.examined(host, None, True)
        return self.examined(name, name, bool(self.find('thishost', name)))

    def examined(self, host, name, is_local):
        if len(host) > 1 and host.startswith(b'[') and host.endswith(b']'):
            literal = ip_address(host)
            ours = literal is not None and literal in [ip_address(one.encode()) for one in self.settings['localaddresses']]
            return Host(name, ours, not ours)
        spelled = self.organisation_spelling(host)
        if spelled is not None:
            ours = is_local or self.is_hostname(host) or self.is_hostname(spelled) or bool(self.find('thishost', spelled))
            return Host(spelled, ours)
        return Host(name, is_local or self.is_hostname(host))

    def is_hostname(self, host):
        return bool(host) and fold(host, 'lower') == fold(self.settings['hostname'].encode(), 'lower')

    def organisation_spelling(self, host):
        for one in self.settings['orgdomains']:
            domain = one.encode()
            start = len(host) - len(domain)
            if not domain or start < 0 or fold(host[start:], 'lower') != fold(domain, 'lower'):
                continue
            if start > 0 and host[start - 1 : start] != b'.':
                continue
            written = self.settings['orgdomain'].encode() or domain
            return None if host[start:] == written else host[:start] + written
        return None

    def source_route(self, current, place):
        start, rest = place
        address = current.address
        host = address[start : rest - 1]
        at = address.rfind(b'@')
        if at <= rest or at + 1 >= len(address):
            return self.refuse_address(current)
        if host.startswith(b'[') and address[rest - 1 : rest] == b':':
            if current.node == 0 and not self.settings['allowchannelliteral']:
                raise Ended('not-allowed')
            user = address[rest:at] + current.tail + address[at:]
            name = host[1:-1]
            if all(chr(byte).isascii() and chr(byte).isalnum() for byte in name):
                self.add_checked(name, address[at + 1 :], user, current)
            else:
                self.add_checked(b'smtpx', host, user, current)
            return None
        known = self.canonical(host)
        name = host if known.name is None else known.name
        organisations = [fold(one.encode(), 'lower') for one in self.settings['orgdomains']]
        if known.is_local or fold(name, 'lower') in organisations:
            self.came('local')
            stripped = address[rest:at] + current.tail + address[at:]
            self.expect('rewritten', how='source-route', address=stripped)
            return replace(current, address=stripped, tail=b'', domain=b'')
        whole = current.tail + b'@' + name + address[rest - 1 :]
        return self.by_host(name, whole, known.is_literal, current)

    # Step C

    def local_part(self, current):
        self.begin('local part')
        name = current.address
        if name.startswith(b'\\') and len(name) > 1:
            return self.user(name[1:], current, b'')
        if name.startswith(b'"\\') and len(name) > 3 and name.endswith(b'"'):
            return self.user(name[2:-1], current, b'')
        if len(name) > 1 and name.startswith(b'/'):
            return self.local_form(b'file.', current)
        if len(name) > 1 and name.startswith(b'|') or len(name) > 2 and name.startswith(b'"|') and name.endswith(b'"'):
            return self.local_form(b'pipe.', current)
        if not self.sender and name.startswith(b':include:') and len(name) > 9:
            return self.include(name[9:], current)
        if name.startswith(b'":include:') and len(name) > 10 and name.endswith(b'"'):
            return self.user(name, current, b'')
        colons = name.rfind(b'::', 1, -1) if len(name) >= 4 and not name.startswith(b'"') else -1
        if colons > 0:
            self.add_checked(b'decnet', name[:colons], name[colons + 2 :], current)
            return None
        return self.user(name, current, current.domain or b'@' + self.settings['mydomain'].encode())

    def local_form(self, prefix, current):
        if not self.may_name_local_forms(current):
            raise Ended('not-allowed')
        self.add_checked(b'local', prefix + current.origin, current.address, current)

    def include(self, path, current):
        if not current.is_trusted:
            raise Ended('not-allowed')
        if self.is_expanding('include', path, current.node):
            return
        content = self.probe(path, 'include').value
        template = Node(b'', current.origin, domain=current.domain, key=('include', path))
        try:
            members = addresslist.included_members(content, self.settings['expansionsize'])
        except addresslist.TooMany:
            raise Ended('expansion-limit') from None
        except addresslist.Fault:
            return self.to_root(template, current.node)
        self.expand('include', members, template, current.node)

    def user(self, name, current, domain):
        tail = current.tail
        if self.sender:
            return self.add_user(name + tail + domain, current)
        real = name[5:] if name.startswith(b'real-') and len(name) > 5 else None
        named = name if real is None else real
        if names_local_form(named):
            if not self.may_name_local_forms(current):
                raise Ended('not-allowed')
            if real is None and not names_local_form(name, includes=False):
                pass
            elif real is None:
                return self.add_user(name, current)
        if real is not None:
            return self.add_user(real + tail + domain, current)
        if self.alias(name, tail, domain, current):
            return None
        user, exists = name, self.account_exists(name)
        if not exists:
            dashes = name.rfind(b'--', 1)
            if dashes >= 1:
                user = name[:dashes] + b'+' + name[dashes + 2 :]
            plus = user.find(b'+')
            if plus > 0:
                base = user[:plus]
                if len(user) - plus > 1 and self.alias(user[: plus + 1], tail, domain, current):
                    return None
                if self.alias(base, user[plus:], domain, current):
                    return None
                exists = self.account_exists(base)
        if user.startswith(b'uid#'):
            template = Node(b'', current.origin, domain=domain)
            return self.expand('postmaster', [b'postmaster'], template, current.node)
        if not exists and not self.settings['anylocaluser']:
            self.add_checked(b'error', b'nosuchuser', user + tail + domain, current)
            return None
        kept = domain if self.settings['localdoesdomain'] else b''
        if current.is_quoted and not kept and current.address == current.origin and any(b in b' \t"' for b in user):
            self.add_checked(b'local', quoted(current.origin), quoted(user), current)
            return None
        return self.add_user(user + tail + kept, current)

    def add_user(self, user, current):
        self.add_checked(b'local', current.origin, user, current)

    def account_exists(self, user):
        if self.settings['anylocaluser']:
            return False
        if user and self.probe(user, 'accounts'):
            return True
        folded = fold(user, 'lower')
        return folded != user and bool(self.probe(folded, 'accounts'))

    def alias(self, name, tail, domain, current):
        hit = self.find('aliases', name)
        if not hit or self.is_expanding('aliases', hit.key, current.node):
            return False
        template = Node(
            b'', current.origin, tail=tail, domain=domain, key=('aliases', hit.key),
            is_trusted=current.is_trusted or b'%' not in hit.value)
        value = self.value('aliases', hit, {}, max(self.longest, LIST_GROWTH))
        self.expand_list(value, template, current.node)
        return True


# Texts


def fold(text, folding):
    """ASCII letters in another case; other bytes belong to encodings that nobody declared."""
    if folding == 'none':
        return text
    return text.lower() if folding == 'lower' else text.upper()


def quoted(text):
    return b'"' + text.replace(b'\\', b'\\\\').replace(b'"', b'\\"') + b'"'


def ip_address(text):
    inner = text[1:-1] if text.startswith(b'[') and text.endswith(b']') else text
    inner = inner[5:] if inner.lower().startswith(b'ipv6:') else inner
    try:
        return ipaddress.ip_address(inner.decode())
    except ValueError:
        return None


def names_local_form(name, includes=True):
    bare = name[1:] if len(name) > 1 and name.startswith(b'"') else name
    return bare[:1] in (b'|', b'/') or includes and bare.startswith(b':include:')


def form_of(address, is_quoted):
    """Which part of an address decides where it goes (docs/semantics.md, 7), and where it stands."""
    if not address or is_quoted or address.startswith((b'|', b':include:')):
        return 'local', None
    if address.startswith(b'@'):
        in_literal = False
        for place in range(1, len(address)):
            byte = address[place : place + 1]
            if byte in b'[]':
                in_literal = byte == b'['
            elif byte in b':,' and not in_literal:
                return 'source-route', (1, place + 1)
        return 'local', None
    at = bang = percent = -1
    in_quotes = escaped = False
    for place in range(len(address)):
        byte = address[place : place + 1]
        if escaped:
            escaped = False
        elif in_quotes and byte == b'\\':
            escaped = True
        elif byte == b'"':
            in_quotes = not in_quotes
        elif in_quotes:
            pass
        elif byte == b'@':
            at = place
        elif byte == b'!' and bang < 0:
            bang = place
        elif byte == b'%':
            percent = place
    if at >= 0:
        return 'domain', at
    if address.startswith(b'/'):
        return 'local', None
    if bang >= 0:
        return 'bang-path', bang
    return ('percent', percent) if percent >= 0 else ('local', None)


def tail_of(user):
    """Where a user divides into base and tail, and where the -- stands that counts as a + (docs/semantics.md, 3)."""
    if not user or user.startswith(b'"'):
        return None
    plus, dashes = user.find(b'+'), user.rfind(b'--', 1)
    if plus == 0 or (plus < 0 and dashes < 0):
        return None
    ends = [place for place in (plus, dashes) if place >= 0]
    return min(ends), dashes


def substituted(value, bound):
    """The value with each %N replaced; as it stands where no argument exists that it names (docs/semantics.md, 5b)."""
    pieces, place, found = [], 0, False
    while place < len(value):
        if value[place : place + 1] == b'%' and value[place + 1 : place + 2].isdigit():
            number = value[place + 1] - ord('0')
            found = found or number in bound
            pieces.append(bound.get(number, b''))
            place += 2
        else:
            pieces.append(value[place : place + 1])
            place += 1
    return b''.join(pieces) if found else value


def derived_keys(one, key, defaults):
    """The keys that a map is asked for, each with what %0 stands for if it is found."""
    driver = one['driver']
    if driver == 'none':
        yield key, key
    elif driver == 'pathalias':
        yield from pathalias(key, defaults)
    elif driver == 'pathalias.at':
        at = key.rfind(b'@')
        if at < 0:
            yield from pathalias(key, defaults)
            return
        yield key, key
        if at + 1 == len(key):
            yield fold(b'@LOCAL@', one['folding']), key
        else:
            yield from pathalias(key[at + 1 :], defaults)
    elif driver == 'pathalias.nodot':
        dotted = b'.' + key
        for dot in label_dots(dotted, 1):
            yield dotted[dot + 1 :], dotted[:dot]
    elif driver == 'longestmatch':
        prefixes = list(ipv4_prefixes(key))
        if prefixes:
            yield from ((prefix, key) for prefix in prefixes)
            return
        yield key, key
        dotted = b'.' + key
        yield from ((dotted[dot:], dotted[:dot]) for dot in label_dots(dotted, 1))
        yield from ((default, key) for default in defaults)
    else:
        raise Wrong(f'the driver {driver} is unknown')


def pathalias(key, defaults):
    yield key, key
    dotted = b'.' + key
    yield from ((dotted[dot:], dotted[:dot]) for dot in label_dots(dotted, 0))
    yield from ((default, key) for default in defaults)


def label_dots(dotted, start):
    """The places of the dots that have a label after them; of several in a row the last."""
    return [
        place for place in range(start, len(dotted) - 1)
        if dotted[place : place + 1] == b'.' and dotted[place + 1 : place + 2] != b'.'
    ]


def ipv4_prefixes(key):
    inner = key[1:-1] if key.startswith(b'[') and key.endswith(b']') else key
    octet = inner.split(b'.')
    if len(octet) != 4 or not all(one.isdigit() and len(one) <= 3 and int(one) <= 255 for one in octet):
        return
    number = int.from_bytes(bytes(map(int, octet)), 'big')
    for length in range(32, -1, -1):
        masked = number >> (32 - length) << (32 - length)
        yield '.'.join(map(str, masked.to_bytes(4, 'big'))).encode() + b'/%d' % length


# Values that are routes (docs/semantics.md, 5): channel, host, user, and whether the user is the value's own


def fully_qualified_route(value, address):
    if value == b'ERROR' or value.startswith(b'ignore!'):
        return None
    if value.startswith(b'error!') and len(value) > 6:
        return b'error', value[6:], address, False
    return channel_alone(value, address) or lotus_gateway(value, address) or channel_and_host(value, address)


def domain_route(value, address, time):
    """A route, a path through which the address is routed anew, or nothing."""
    first = value.find(b'!')
    bitnet = bitnet_route(value, address, first)
    if bitnet:
        return bitnet
    if value.startswith(b'ignore!'):
        return None
    route = channel_alone(value, address) or lotus_gateway(value, address)
    if route:
        return route
    if value.startswith(b'delay!') and len(value) > 6:
        text = value[6:].decode(errors='replace')
        digits = text[1:] if text[:1] in ('+', '-') else text
        seconds = int(text) if digits.isascii() and digits.isdigit() and len(digits) < 40 else 0
        seconds = seconds if -(1 << 63) <= seconds < 1 << 63 else 0
        due = min(time() + max(seconds, 0), (1 << 63) - 1)
        return b'hold', b'%d' % due, address, False
    route = channel_and_host(value, address)
    if route:
        return route
    last = value.rfind(b'!')
    if last <= 0 or last + 1 >= len(value):
        return None
    return value[last + 1 :] + b'!' + bang_path(address)


def channel_alone(value, address):
    if len(value) < 2 or not value.endswith(b'!'):
        return None
    channel = value[:-1]
    local, at, domain = address.rpartition(b'@')
    if at and domain:
        if channel.startswith(b'smtpgw'):
            return channel, local, address, False
        if channel.startswith(b'smtp'):
            return channel, domain, address, False
        if channel == b'dns':
            return b'smtp', domain, address, False
    return channel, b'-', address, False


def lotus_gateway(value, address):
    if not value.startswith(b'lotusgw!') or len(value) <= 8 or b'@' not in address:
        return None
    last = value.rfind(b'!')
    if last <= 8 or last + 1 >= len(value):
        return None
    gateway = value[last + 1 :]
    return b'smtp', gateway, address.rpartition(b'@')[0] + b'%' + value[8:last] + b'@' + gateway, False


def channel_and_host(value, address):
    channel, bang, rest = value.partition(b'!')
    host, second, user = rest.partition(b'!')
    if not channel or not host:
        return None
    return (channel, host, user, True) if second else (channel, host, address, False)


def bitnet_route(value, address, first):
    if first <= 0 or first + 1 >= len(value):
        return None
    channel, rest = value[:first], value[first + 1 :]
    if channel in (b'bsmtp3nd', b'bsmtp3', b'bsmtp3rfc', b'bsmtp3ndrfc'):
        last = rest.rfind(b'!')
        if last < 1 or last + 1 >= len(rest):
            return None
        return channel, rest[:last] + b'@' + rest[last + 1 :], address, False
    if channel != b'defrt1':
        return None
    path = bang_path(address).split(b'!')
    if len(path) < 2 or not path[-1]:
        return None
    user, node = path[-1], path[-2]
    who = user + b'@' + node
    if len(path) == 2:
        return channel, user + b'@' + rest if node else b'', who, False
    return b'bsmtp3', b'mailer@' + rest, who, False


def bang_path(address):
    """Any address as a path of ! (RFC 976), the nearest host first."""
    route, mailbox = b'', address
    if mailbox.startswith(b'@') and b':' in mailbox:
        hosts, _, mailbox = mailbox.partition(b':')
        route = b''.join(host + b'!' for host in hosts.replace(b',', b'@').split(b'@') if host)
    local, at, domain = mailbox.rpartition(b'@')
    if not at:
        return route + mailbox
    route += domain + b'!'
    while b'%' in local and not local.startswith(b'"'):
        local, _, host = local.rpartition(b'%')
        route += host + b'!'
    return route + local


def fault(answer):
    """Why a trace is wrong; nothing where it comes to the routes of its answer."""
    try:
        Replay(answer).run()
    except Wrong as wrong:
        return str(wrong)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        return f'no trace as docs/trace.md describes it: {error!r}'
    return None


def main():
    wrong = count = 0
    for line in sys.stdin:
        answer = json.loads(line)
        count += 1
        reason = fault(answer)
        if reason:
            wrong += 1
            print(f'{answer["address"]}: {reason}')
    print(f'{count} traces replayed, {wrong} wrong')
    return wrong > 0 or count == 0


if __name__ == '__main__':
    sys.exit(main())
