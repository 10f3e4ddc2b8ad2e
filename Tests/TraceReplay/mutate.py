"""Falsifies traces, one change at a time, and asks the replay: it has to notice each. What the change leaves true is left alone.

    zroute route-test --format json --trace ADDRESS... | mutate.py
"""

import copy
import json
import sys

import replay

# What is for people, and what says where something stands: the replay derives none of it.
FREE = {
    'lookup': {'source', 'type', 'file', 'reason'},
    'deviation': {'note'},
    'failure': {'reason'},
    # What was asked decides nothing where its case does not come up.
    'question': {'errormsg', 'submitted', 'display', 'as'},
}


def other(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + 'x'
    if isinstance(value, list):
        return value[:-1] if len(value) > 1 else value + value
    if set(value) == {'base64'}:
        return 'x'
    return dict(value, **{'9': 'x'})


def changed_events(events):
    """Falsified lists of events, each with what was done."""
    for index, event in enumerate(events):
        kind = event['event']
        yield f'without event {index}', events[:index] + events[index + 1 :]
        # The same time twice is still the same time.
        yield f'event {index} twice', events[: index + 1] + events[index:]
        for member, value in event.items():
            if member in FREE.get(kind, ()):
                continue
            if kind == 'lookup' and member in ('value', 'answer'):
                # A value that nobody goes on to use may be any; that of an entry may not.
                following = events[index + 1]['event'] if index + 1 < len(events) else ''
                if following != 'entry':
                    continue
                if member == 'answer':
                    absent = {name: text for name, text in event.items() if name not in ('value', 'source')}
                    absent['answer'] = 'absent'
                    yield f'event {index} absent', events[:index] + [absent] + events[index + 1 :]
                    continue
            mutant = copy.deepcopy(event)
            mutant[member] = other(value)
            yield f'event {index} with another {member}', events[:index] + [mutant] + events[index + 1 :]
        if index + 1 < len(events) and events[index + 1] != event:
            swapped = events[:index] + [events[index + 1], event] + events[index + 2 :]
            yield f'events {index} and {index + 1} in the other order', swapped


def changes(answer):
    """Falsified answers, each with what was done."""
    for what, events in changed_events(answer['trace']):
        yield what, dict(answer, trace=events)
    for index, route in enumerate(answer['routes']):
        yield f'without route {index}', dict(answer, routes=answer['routes'][:index] + answer['routes'][index + 1 :])
        for member, value in route.items():
            routes = copy.deepcopy(answer['routes'])
            routes[index][member] = other(value)
            yield f'route {index} with another {member}', dict(answer, routes=routes)
    for member in ('address', 'status', 'version'):
        yield f'another {member}', dict(answer, **{member: other(answer[member])})


def main():
    count = traces = unnoticed = 0
    for line in sys.stdin:
        answer = json.loads(line)
        traces += 1
        for what, mutant in changes(answer):
            count += 1
            if replay.fault(mutant) is None:
                unnoticed += 1
                print(f'{answer["address"]}: {what}: not noticed')
    print(f'{count} changes of {traces} traces, {unnoticed} not noticed')
    return unnoticed > 0 or count == 0


if __name__ == '__main__':
    sys.exit(main())
