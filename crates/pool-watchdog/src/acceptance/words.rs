//! Texts as words, so that one can be found in another whatever its case and punctuation.

/// A text as words: each in lower case and between two spaces of its own, so that `contains` finds whole words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Words(String);

/// What stands where somebody meant to write. In capitals: in other languages, `todo` is an ordinary word.
const MARKS: [&str; 6] = ["TODO", "TBD", "TBA", "TBC", "FIXME", "XXX"];

/// What is no answer if nothing else is said.
const NO_ANSWERS: [&str; 10] = [
    "n a",
    "na",
    "todo",
    "tbd",
    "to do",
    "to be done",
    "to be determined",
    "to be written",
    "coming soon",
    "placeholder",
];

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut words = Self::default();
        let mut word = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let next_is_digit = characters.peek().is_some_and(char::is_ascii_digit);
            match character {
                _ if is_word_alone(character) => {
                    words.push(&mut word);
                    words.push(&mut String::from(character));
                }
                _ if character.is_alphanumeric() => word.push(character),
                // `C++` is not `C`, and 5.1 is not 5.
                '+' | '#' if !word.is_empty() => word.push(character),
                '.' if next_is_digit && word.ends_with(|last: char| last.is_ascii_digit()) => word.push('.'),
                _ if is_part_of_another(character) => {}
                _ => words.push(&mut word),
            }
        }
        words.push(&mut word);
        words
    }

    fn push(&mut self, word: &mut String) {
        if word.is_empty() {
            return;
        }
        let is_mark = MARKS.contains(&word.as_str());
        let word = std::mem::take(word);
        let word = if is_mark { word } else { word.to_lowercase() };
        self.0.push(' ');
        self.0.push_str(&word);
        self.0.push(' ');
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether these words are in it, one after the other. No words are in everything.
    pub(super) fn name(&self, words: &Self) -> bool {
        self.0.contains(&words.0)
    }

    /// What is left of it without them.
    pub(super) fn without(&self, words: &Self) -> Self {
        if words.is_empty() { self.clone() } else { Self(self.0.replace(&words.0, " \0 ")) }
    }

    /// Whether something is said, and not only that it will be.
    pub(super) fn say_something(&self) -> bool {
        let mut words = self.0.split_whitespace().filter(|word| *word != "\0");
        let Some(first) = words.next() else {
            return false;
        };
        if MARKS.contains(&first) {
            return false;
        }
        let begins: Vec<&str> = [first].into_iter().chain(words.take(3)).collect();
        !begins.starts_with(&["lorem", "ipsum"]) && !NO_ANSWERS.contains(&begins.join(" ").as_str())
    }
}

/// Whether a text has a word that could be found in another.
pub(crate) fn names_something(text: &str) -> bool {
    !Words::of(text).is_empty()
}

/// Scripts that are written without spaces, or that add endings to a name, and signs such as a tick: each is found by itself.
fn is_word_alone(character: char) -> bool {
    let is_spaceless = matches!(character,
        '\u{0e00}'..='\u{0eff}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30fa}' | '\u{30fc}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    let is_sign = matches!(character, '\u{d7}' | '\u{2200}'..='\u{22ff}' | '\u{2580}'..='\u{27ff}' | '\u{2900}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    is_spaceless || is_sign
}

/// Accents that follow their letter, and what only chooses how a sign is drawn.
fn is_part_of_another(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{ad}')
}
