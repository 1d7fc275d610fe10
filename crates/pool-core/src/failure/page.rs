//! Pages of HTML: what an edge, a proxy or a broken server says in place of an API.

/// Whether a body is a page.
pub(super) fn is_page(text: &str) -> bool {
    let begins = |tag: &str| text.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag));
    begins("<!doctype html") || begins("<html") || begins("<head") || begins("<body") || begins("<center")
}

/// The words of a page: its title first, then what stands between its tags.
pub(super) fn words(page: &str) -> Vec<String> {
    let text = without_tags(page);
    let title = between(page, "<title", "</title").map(|title| title.trim().to_owned());
    let title = title.filter(|title| !title.is_empty());
    title.into_iter().chain((!text.is_empty()).then_some(text)).collect()
}

/// What stands between the end of an opening tag and the closing one.
fn between<'a>(page: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, after) = split_at_tag(page, open)?;
    let (_, inside) = after.split_once('>')?;
    split_at_tag(inside, close).map(|(inside, _)| inside)
}

fn split_at_tag<'a>(page: &'a str, tag: &str) -> Option<(&'a str, &'a str)> {
    let starts = page.match_indices('<').map(|(at, _)| page.split_at(at));
    let is_tag = |rest: &str| rest.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag));
    starts.into_iter().find(|(_, rest)| is_tag(rest))
}

/// The text between tags, white space made plain. Scripts and styles are tags' business, too: what they say is no message,
/// and harmless.
fn without_tags(page: &str) -> String {
    let text = page.split('<').map(|part| part.split_once('>').map_or("", |(_, text)| text));
    text.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
