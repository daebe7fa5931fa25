//! Which words mean the same: `WordNet`, as far as promptfoo's `meteor` finds it. The table is part of the program (770 KB that the system
//! maps in where a word is looked up); nothing is unpacked or kept. `scripts/synonyms.py` makes it and tells its form.

use std::sync::LazyLock;

/// Begins with `WordNet`'s licence, which goes with every copy.
static BYTES: &[u8] = include_bytes!("../data/synonyms.bin");
/// Where its parts are, once a word is looked up. A test reads all of it, so there always is one.
static TABLE: LazyLock<Option<Table<'static>>> = LazyLock::new(|| Table::new(BYTES));

/// The meanings of a word, by number, in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Meanings {
    /// Those that promptfoo finds when it looks the word up.
    pub found: Vec<usize>,
    /// Those whose words it is among.
    pub stands_in: Vec<usize>,
}

/// What a word means, of what it shares with another word.
pub(crate) fn meanings(word: &str) -> Meanings {
    let Some(table) = &*TABLE else { return Meanings::default() };
    let first_larger = table.blocks_after(word.as_bytes());
    let Some(mut block) = first_larger.checked_sub(1).and_then(|at| table.block(at)) else { return Meanings::default() };
    let mut entry = Vec::new();
    while let Some(meanings) = block.entry(&mut entry) {
        if entry == word.as_bytes() {
            return meanings;
        }
    }
    Meanings::default()
}

struct Table<'t> {
    begins: &'t [[u8; 4]],
    blocks: &'t [u8],
}

impl<'t> Table<'t> {
    fn new(bytes: &'t [u8]) -> Option<Self> {
        let licence = bytes.iter().position(|byte| *byte == 0)?;
        let (count, rest) = bytes.get(licence + 1..)?.split_first_chunk()?;
        let (begins, blocks) = rest.split_at_checked(4 * offset(*count))?;
        Some(Self { begins: begins.as_chunks().0, blocks })
    }

    fn block(&self, at: usize) -> Option<Block<'t>> {
        let begin = offset(*self.begins.get(at)?);
        let end = self.begins.get(at + 1).map_or(self.blocks.len(), |next| offset(*next));
        Some(Block(self.blocks.get(begin..end)?))
    }

    /// How many blocks begin with this word or one before it.
    fn blocks_after(&self, word: &[u8]) -> usize {
        let first = |begin: &[u8; 4]| Block(self.blocks.get(offset(*begin)..)?).word();
        self.begins.partition_point(|begin| first(begin).is_some_and(|(_, known)| known <= word))
    }
}

fn offset(bytes: [u8; 4]) -> usize {
    u32::from_le_bytes(bytes) as usize
}

/// What is left of a block of words.
struct Block<'t>(&'t [u8]);

impl<'t> Block<'t> {
    /// Reads the next word over the one before, and what it means.
    fn entry(&mut self, word: &mut Vec<u8>) -> Option<Meanings> {
        let (shared, own) = self.word()?;
        word.truncate(shared);
        word.extend_from_slice(own);
        let (mut meanings, mut last) = (Meanings::default(), 0);
        for _ in 0..self.number()? {
            let number = self.number()?;
            last += number >> 2;
            if number & 1 != 0 {
                meanings.found.push(last);
            }
            if number & 2 != 0 {
                meanings.stands_in.push(last);
            }
        }
        Some(meanings)
    }

    /// How much the next word shares with the one before, and what follows.
    fn word(&mut self) -> Option<(usize, &'t [u8])> {
        let (shared, length) = (self.number()?, self.number()?);
        let (own, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((shared, own))
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for at in 0..4 {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= usize::from(byte & 127) << (7 * at);
            if byte & 128 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a word is found when another is looked up.
    fn finds(looked_up: &str, other: &str) -> bool {
        let (found, stands_in) = (meanings(looked_up).found, meanings(other).stands_in);
        found.iter().any(|meaning| stands_in.contains(meaning))
    }

    #[test]
    fn words_that_mean_the_same_find_each_other() {
        for (a, b) in [("car", "auto"), ("sofa", "couch"), ("quick", "fast"), ("begin", "start")] {
            assert!(finds(a, b) && finds(b, a), "{a} {b}");
        }
        assert!(!finds("car", "cat") && !finds("big", "larg"), "a stem is looked up as it is");
        assert!(finds("give_up", "abandon") && !finds("abandon", "give_up"), "promptfoo compares with single words alone");
        assert!(!finds("city_of_light", "paris"), "and with those in small letters");
        for none in ["", "zzzz", "~", "car ", "Car", "caf\u{e9}", "\u{1f389}", &"x".repeat(1000)] {
            assert_eq!(meanings(none), Meanings::default(), "{none}");
        }
    }

    #[test]
    fn what_promptfoo_walks_past_is_not_found() {
        assert!(finds("tumult", "turmoil") && !finds("turmoil", "tumult"));
    }

    #[test]
    fn the_table_is_whole_and_every_word_is_found_in_it() {
        let table = TABLE.as_ref().expect("a table");
        let (mut words, mut last) = (0, Vec::new());
        for at in 0..table.begins.len() {
            let (mut block, mut word) = (table.block(at).expect("a block"), Vec::new());
            while !block.0.is_empty() {
                let told = block.entry(&mut word).expect("a word");
                assert!(word > last, "{} stands at the wrong place", String::from_utf8_lossy(&word));
                assert_eq!(meanings(std::str::from_utf8(&word).expect("text")), told);
                assert!(!told.found.is_empty() || !told.stands_in.is_empty());
                (words, last) = (words + 1, word.clone());
            }
        }
        assert_eq!(words, 66_738);
        let licence = include_str!("../data/LICENSE-WordNet.txt");
        assert!(BYTES.starts_with(licence.as_bytes()), "every copy of the table carries WordNet's licence");
    }
}
