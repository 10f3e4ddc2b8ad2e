"""Checks lines of `route-test --format json --trace` against the JSON Schema of docs/trace.schema.json, whole and each event."""

import json
import sys

from jsonschema import Draft202012Validator


def main(path):
    with open(path, encoding='utf-8') as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    whole = Draft202012Validator(schema)
    event_schema = {'$schema': schema['$schema'], '$defs': schema['$defs'], '$ref': '#/$defs/event'}
    one_event = Draft202012Validator(event_schema)
    # Events are the same again and again, and so are sites; each is checked once.
    known_events, known_sites, kinds = set(), set(), {}
    wrong = count = events = 0
    for line in sys.stdin:
        answer = json.loads(line)
        count += 1
        faults = []
        for event in answer['trace']:
            events += 1
            kinds[event.get('event')] = kinds.get(event.get('event'), 0) + 1
            text = json.dumps(event)
            if text not in known_events:
                known_events.add(text)
                faults += [(event, fault) for fault in one_event.iter_errors(event)]
        # What is checked already is left out of the whole: one event stands for all.
        rest = dict(answer, trace=answer['trace'][:1])
        site = json.dumps(answer['site'])
        if site in known_sites:
            rest['site'] = {'settings': answer['site']['settings'], 'maps': []}
        known_sites.add(site)
        faults += [(rest, fault) for fault in whole.iter_errors(rest)]
        if faults:
            wrong += 1
            instance, fault = faults[0]
            print(f'{answer["address"]}: {fault.message[:300]} in {json.dumps(instance)[:300]}')
    for kind in sorted(kinds):
        print(f'{kinds[kind]} {kind} events')
    print(f'{count} traces and {events} events validated, {wrong} wrong')
    return wrong > 0 or count == 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
