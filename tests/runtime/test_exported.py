"""An export is checked anywhere: every change of it is noticed or refused in a sentence."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core import chain, checkpoints, evidence
from service.core.checkpoints import Checkpoint
from service.core.errors import NotFound
from service.core.merkle import leaf_hash, tree_of
from service.runtime import exports, history, sealing, signing
from service.store import seals
from story import COMPLETE, begin, key

ANOTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Carried:
    """Two cases, sealed twice; the export of the first as JSON, the checkpoints somebody holds, the public key."""

    def __init__(self, service, who) -> None:
        self.service = service
        first, task = begin(service, who)
        second, other = begin(service, who)
        sealing.turn(service)
        service.handler.complete(who("ann"), task, COMPLETE, key())
        service.handler.complete(who("ann"), other, COMPLETE, key())
        sealing.turn(service)
        self.public = signing.public_half(service.settings)
        with service.read() as db:
            self.older, self.newest = (kept.note for kept in seals.checkpoints(db))
            self.leaves = [leaf_hash(bytes.fromhex(h)) for h in seals.hashes(db, 4)]
        self.case, self.other = (self.export(done) for done in (first, second))

    def export(self, done, *witnessed: str):
        with self.service.read() as db:
            kept = exports.export(
                db, self.service.definitions, done.instance_id, done.code, self.public, witnessed
            )
        return json.loads(json.dumps(kept))


@pytest.fixture
def carried(service, who):
    return Carried(service, who)


def checked(kept, public=None, witnessed=()):
    """The verdict on the case, and what is not well about the log, of an export whose digest was made to fit."""
    if kept["version"] == exports.VERSION:
        kept = {**kept, "digest": exports._digest({name: kept[name] for name in kept if name != "digest"})}
    return found(exports.read(json.dumps(kept)), public, witnessed)


def found(read, public=None, witnessed=()):
    verdict = history.verdict(lambda h: read.definitions[h], read.steps)
    log = evidence.examine(read.steps, read.evidence, public, list(witnessed))
    return verdict.kind, verdict.at_seq, " ".join(f.text for f in log if not f.holds)


def chained(kept, start: int) -> None:
    """Make the chain of an export fit what its steps now say."""
    steps = [exports._step(s) for s in kept["steps"]]
    for number in range(start - 1, len(steps)):
        before = steps[number - 1].hash if number else chain.START
        made = replace(steps[number], prev_hash=before)
        steps[number] = replace(made, hash=chain.seal(made))
        kept["steps"][number] |= {"prev_hash": before, "hash": steps[number].hash}


def test_an_honest_export_is_well(carried):
    assert checked(carried.case) == ("equal", None, "")
    assert checked(carried.case, carried.public, [carried.older, carried.newest]) == ("equal", None, "")


def test_it_says_whose_key_it_was_checked_with(carried):
    read = exports.read(json.dumps(carried.case))
    own = evidence.examine(read.steps, read.evidence)[0].text
    brought = evidence.examine(read.steps, read.evidence, carried.public)[0].text
    assert ("which came with the export" in own, "which you brought" in brought) == (True, True)


def test_it_holds_nothing_that_was_written(carried):
    assert "1 Oak Road" not in json.dumps(carried.case["steps"])
    assert "All there." not in json.dumps(carried.case["steps"])


# --- the steps -----------------------------------------------------------------------------------------------------


def row_edited(kept):
    kept["steps"][1]["actor"] = "eve"


def row_removed(kept):
    del kept["steps"][0]


def rows_swapped(kept):
    kept["steps"].reverse()


def row_hashed_again(kept):
    kept["steps"][0]["actor"] = "eve"
    kept["steps"][0]["hash"] = chain.seal(exports._step(kept["steps"][0]))


def state_hash_changed(kept):
    kept["steps"][1]["state_hash"] = "0" * 64
    chained(kept, 2)


def event_dropped(kept):
    del kept["steps"][1]["events"][0]
    chained(kept, 2)


def time_changed(kept):
    kept["steps"][0]["at"] = "2013-05-29T09:00:00.000001+00:00"
    chained(kept, 1)


def definition_not_there(kept):
    kept["steps"][0]["definition"] = "0" * 64
    chained(kept, 1)


def definition_made_up(kept):
    (old,) = kept["definitions"]
    files = kept["definitions"].pop(old) | {"processes/application.bpmn": "<no"}
    named = exports.content_hash(files)
    kept["definitions"][named] = files
    for step in kept["steps"]:
        step["definition"] = named
    chained(kept, 1)


@pytest.mark.parametrize(
    ("manipulate", "kind", "at"),
    [
        (row_edited, "broken", 2), (row_removed, "broken", 1), (rows_swapped, "broken", 1),
        (row_hashed_again, "broken", 2), (state_hash_changed, "differs", 2), (event_dropped, "differs", 2),
        (time_changed, "differs", 1), (definition_not_there, "differs", 1), (definition_made_up, "differs", 1),
    ],
)  # fmt: skip
def test_changed_steps_are_found_at_their_place(carried, manipulate, kind, at):
    manipulate(carried.case)
    assert checked(carried.case)[:2] == (kind, at)


def test_a_swapped_definition_is_refused(carried):
    files = next(iter(carried.case["definitions"].values()))
    diagram = files["processes/application.bpmn"]
    files["processes/application.bpmn"] = diagram.replace("received_on, 1", "received_on, 2")
    with pytest.raises(NotFound, match="another definition"):
        checked(carried.case)


# --- the log -------------------------------------------------------------------------------------------------------


def actor_changed(c):
    c.case["steps"][1]["actor"] = "eve"
    chained(c.case, 2)


def another_case_in_its_place(c):
    c.case["steps"] = c.other["steps"]


def place_moved(c):
    c.case["log"]["places"][1]["index"] += 1


def proof_of_another(c):
    c.case["log"]["places"][1]["proof"] = c.other["log"]["places"][1]["proof"]


def place_missing(c):
    del c.case["log"]["places"][0]


def step_missing(c):
    del c.case["steps"][1]


def size_changed(c):
    c.case["log"]["checkpoint"] = c.case["log"]["checkpoint"].replace("\n4\n", "\n5\n")


def checkpoint_is_none(c):
    c.case["log"]["checkpoint"] = "none"


def key_is_none(c):
    c.case["log"]["public_key"] = "none"


@pytest.mark.parametrize(
    ("manipulate", "says"),
    [
        (actor_changed, "Step 2 is not the step that was sealed as number"),
        (another_case_in_its_place, "Step 1 is not the step that was sealed as number"),
        (place_moved, "Step 2 is not the step that was sealed as number"),
        (proof_of_another, "Step 2 is not the step that was sealed as number"),
        (place_missing, "The places in the log do not fit the steps from step 1 on"),
        (step_missing, "The places in the log do not fit the steps from step 2 on"),
        (size_changed, "its signature does not hold"),
        (checkpoint_is_none, "This is not a signed checkpoint"),
        (key_is_none, "This is not a public key of a log"),
    ],
)
def test_a_chain_that_fits_itself_is_found_by_the_log(carried, manipulate, says):
    manipulate(carried)
    kind, _, log = checked(carried.case)
    assert kind == "equal"
    assert says in log


def forge(c, signer, name="casework") -> str:
    """A whole log around a changed step, signed; the note over it."""
    actor_changed(c)
    place = c.case["log"]["places"][1]
    leaves = list(c.leaves)
    leaves[place["index"]] = leaf_hash(bytes.fromhex(c.case["steps"][1]["hash"]))
    tree = tree_of(leaves)
    for placed in c.case["log"]["places"]:
        placed["proof"] = [part.hex() for part in tree.inclusion(placed["index"], 4)]
    note = checkpoints.sign(Checkpoint(name, 4, tree.root()).text, name, signer)
    c.case["log"] |= {"checkpoint": note, "public_key": checkpoints.public_key(name, signer).text}
    return note


def test_a_log_of_ones_own_is_found_by_the_public_key_from_elsewhere(carried):
    forge(carried, ANOTHER_KEY)
    assert checked(carried.case)[2] == "", "it fits itself; the text says to compare the key"
    assert "not signed with the key of this log" in checked(carried.case, carried.public)[2]
    assert "cannot be trusted" in checked(carried.case, None, [carried.newest])[2]


def test_a_log_of_another_name_is_found_by_the_public_key(carried):
    forge(carried, ANOTHER_KEY, "another")
    assert "of another log, “another”" in checked(carried.case, carried.public)[2]


@pytest.mark.parametrize("held", ["newest", "older"])
def test_the_stolen_key_is_found_only_by_a_kept_checkpoint(carried, held):
    forge(carried, signing.signing_key(carried.service.settings, fresh=False))
    assert checked(carried.case, carried.public) == ("equal", None, "")
    kind, _, log = checked(carried.case, carried.public, [getattr(carried, held)])
    assert kind == "equal"
    assert "does not go on from your checkpoint" in log


def test_an_older_export_is_shorter_than_a_newer_checkpoint(carried, who):
    before = carried.case
    begin(carried.service, who)
    sealing.turn(carried.service)
    with carried.service.read() as db:
        newest = seals.newest(db)
    assert "shorter than your checkpoint of 5 steps" in checked(before, carried.public, [newest.note])[2]


def test_a_tail_left_out_is_not_an_exports_to_show(carried):
    """An export proves what it contains. That the case went on, the database shows, or an export made since."""
    del carried.case["steps"][1]
    del carried.case["log"]["places"][1]
    assert checked(carried.case, carried.public, [carried.newest]) == ("equal", None, "")


def test_a_checkpoint_in_between_is_led_back_to_when_it_is_asked_for(carried, who):
    done, _ = begin(carried.service, who)
    sealing.turn(carried.service)
    plain, asked = carried.export(done), carried.export(done, carried.newest)
    assert "does not lead back to your checkpoint of 4" in checked(plain, carried.public, [carried.newest])[2]
    assert checked(asked, carried.public, [carried.newest]) == ("equal", None, "")
    assert checked(plain, carried.public, [carried.older]) == ("equal", None, ""), "the day's first"


def test_what_is_not_sealed_yet_passes_unless_proof_is_asked_for(carried, who):
    done, _ = begin(carried.service, who)
    assert checked(carried.export(done)) == ("equal", None, "")
    assert "Nothing in the log vouches for step 1" in checked(carried.export(done), carried.public)[2]


def test_an_export_of_the_first_release_is_still_read(carried):
    first = {name: carried.case[name] for name in ("code", "steps", "definitions")} | {"version": 1}
    assert checked(first) == ("equal", None, "")
    assert "Nothing in this export is sealed" in checked(first, carried.public)[2]


# --- anything at all -----------------------------------------------------------------------------------------------

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def text(carried):
    return json.dumps(carried.case, ensure_ascii=False, indent=1)


@SLOW
@given(where=st.floats(0, 0.999999), bit=st.integers(0, 7))
def test_no_flipped_bit_passes(text, where, bit):
    changed = bytearray(text.encode())
    changed[int(where * len(changed))] ^= 1 << bit
    try:
        again = changed.decode()
        if json.loads(again) == json.loads(text):
            return  # white space: the same facts, however they are spaced
    except ValueError:
        again = "not even JSON"
    with pytest.raises(NotFound):
        exports.read(again)


def places_in(value, path=()):
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from places_in(part, (*path, name))


@SLOW
@given(data=st.data())
def test_anything_in_any_place_of_steps_and_log_is_noticed(carried, data):
    """Whoever changes a value and makes the digest fit meets a refusal, a broken chain, or the log."""
    kept = json.loads(json.dumps(carried.case))
    part = data.draw(st.sampled_from(["steps", "log"]))
    path = data.draw(st.sampled_from([p for p in places_in(kept[part], (part,)) if "earlier" not in p]))
    holder = kept
    for name in path[:-1]:
        holder = holder[name]
    junk = data.draw(JUNK)
    if json.dumps(junk) == json.dumps(holder[path[-1]]):
        return
    holder[path[-1]] = junk
    try:
        kind, _, log = checked(kept, carried.public)
    except (NotFound, ValueError):  # the digest cannot even be computed over it
        return
    assert kind != "equal" or log or path[-1] == "public_key", path
