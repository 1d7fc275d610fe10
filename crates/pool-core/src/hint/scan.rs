//! Steps through a text from left to right: each takes something off its beginning and gives back the rest.

/// Splits before the first character that `ends`, or at the end.
pub(super) fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// Takes words off that stand apart by white space, whatever their case.
pub(super) fn strip_phrase<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    phrase.split(' ').try_fold(text, |rest, word| strip_word(rest.trim_start(), word))
}

/// Takes a whole word off, whatever its case.
pub(super) fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && !rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

/// Takes a plain number off: digits, and a fraction where digits follow the point. No sign, no exponent, no `inf`.
pub(super) fn strip_number(text: &str) -> Option<(f64, &str)> {
    let (whole, rest) = split_where(text, is_no_digit);
    let fraction = rest.strip_prefix('.').map_or("", |rest| split_where(rest, is_no_digit).0);
    let length = if fraction.is_empty() { whole.len() } else { whole.len() + 1 + fraction.len() };
    let (number, rest) = text.split_at_checked(length)?;
    Some((number.parse().ok()?, rest))
}

/// Takes a whole number off that has so many digits, no fewer and no more.
pub(super) fn strip_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<(u32, &str)> {
    let (digits, rest) = split_where(text, is_no_digit);
    if !count.contains(&digits.len()) {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

fn is_no_digit(character: char) -> bool {
    !character.is_ascii_digit()
}
