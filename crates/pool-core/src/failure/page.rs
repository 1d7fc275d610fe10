//! Pages of HTML: what an edge, a proxy or a broken server says in place of an API.

/// Whether a body is a page: HTML or XHTML, whatever stands before its first tag.
pub(super) fn is_page(text: &str) -> bool {
    let text = without_prologue(text);
    let begins = |tag: &str| text.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag));
    begins("<!doctype html") || begins("<html") || begins("<head") || begins("<body") || begins("<center")
}

/// Without a mark of byte order, an XML declaration and comments.
fn without_prologue(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while let Some((inside, end)) = (rest.strip_prefix("<?").map(|inside| (inside, "?>")))
        .or_else(|| rest.strip_prefix("<!--").map(|inside| (inside, "-->")))
    {
        rest = inside.split_once(end).map_or("", |(_, after)| after.trim_start());
    }
    rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_one_whatever_stands_before_its_first_tag() {
        let cases = [
            ("<!DOCTYPE html><title>x", true),
            ("\u{feff}<HTML>", true),
            (r#"<?xml version="1.0"?> <!DOCTYPE html PUBLIC "-//W3C"><html>"#, true),
            ("<!-- one --> <!-- two --><html>", true),
            ("<!-- without end <html>", false),
            ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", false),
            ("Access denied", false),
            ("{}", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_page(text), expected, "{text}");
        }
    }
}
