use std::ops::Range;
use std::sync::OnceLock;

use super::layout::{Layout, Spacing};
use super::value::Raw;

/// The widest gap, in bytes, that sets a pattern. A file of a few megabytes may hold one gap of half of them and a
/// million members: repeated between all of those it would fill any memory.
const WIDEST: usize = 256;

/// What an object or a list is besides its members: where it comes from and what stands between them.
#[derive(Clone)]
pub(super) struct Frame {
    source: Raw,
    /// `None` where the source shows no pattern.
    gaps: Option<Gaps>,
    layout: Layout,
    changed: bool,
    /// Worked out when it is first needed.
    spacing: OnceLock<Spacing>,
}

impl Frame {
    pub(super) fn new(source: Raw, gaps: Option<Gaps>, layout: Layout) -> Self {
        let gaps = gaps.filter(Gaps::are_narrow);
        Self { source, gaps, layout, changed: false, spacing: OnceLock::new() }
    }

    pub(super) fn with_layout(self, layout: Layout) -> Self {
        Self { layout, spacing: OnceLock::new(), ..self }
    }

    pub(super) fn mark_changed(&mut self) {
        self.changed = true;
    }

    pub(super) fn source(&self) -> &str {
        self.source.as_str()
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The white space before the first member of the source.
    pub(super) fn opening(&self) -> Option<&str> {
        self.gaps.as_ref().map(|gaps| self.text(&gaps.open))
    }

    /// The source itself while nothing was changed, or else its brackets around the members, each given as a key
    /// (empty in a list) and a value.
    pub(super) fn render<'a>(&'a self, members: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> Raw {
        if !self.changed {
            return self.source.clone();
        }
        let parts = self.parts(members.map(|(key, value)| (key, [value])));
        // One allocation of the right size: a buffer that grew would leave unwiped copies of secrets behind.
        Raw::whole(parts.concat())
    }

    /// The brackets around the members, piece by piece; a value may come in several pieces.
    pub(super) fn parts<'a, V: IntoIterator<Item = &'a str>>(
        &'a self,
        members: impl ExactSizeIterator<Item = (&'a str, V)>,
    ) -> Vec<&'a str> {
        let source = self.source.as_str();
        let (open, close) = (&source[..1], &source[source.len() - 1..]);
        if members.len() == 0 {
            return vec![open, close];
        }
        let spacing = self.spacing.get_or_init(|| self.work_out_spacing());
        let mut parts = Vec::with_capacity(4 * members.len() + 4);
        parts.extend([open, &spacing.open]);
        for (index, (key, value)) in members.enumerate() {
            let comma = if index > 0 { spacing.comma.as_str() } else { "" };
            let colon = if key.is_empty() { "" } else { spacing.colon.as_str() };
            parts.extend([comma, key, colon]);
            parts.extend(value);
        }
        parts.extend([&spacing.close, close]);
        parts
    }

    fn work_out_spacing(&self) -> Spacing {
        let Some(gaps) = &self.gaps else {
            return Spacing::of(&self.layout);
        };
        let open = self.text(&gaps.open).to_owned();
        let colon = gaps.colon.as_ref().map_or(": ", |colon| self.text(colon)).to_owned();
        let comma = match &gaps.comma {
            Some(comma) => self.text(comma).to_owned(),
            // A lone member on its container's line: whoever leaves a space behind the colon does so behind a comma.
            None if open.is_empty() => colon.replace(':', ",").trim_start().to_owned(),
            None => format!(",{open}"),
        };
        Spacing { open, comma, colon, close: self.text(&gaps.close).to_owned() }
    }

    fn text(&self, range: &Range<usize>) -> &str {
        &self.source.document().as_str()[range.clone()]
    }
}

/// Where in the document the gaps of a container stand that set the pattern for the others.
#[derive(Clone)]
pub(super) struct Gaps {
    open: Range<usize>,
    /// Between the first key and its value; `None` in a list.
    colon: Option<Range<usize>>,
    /// Between the first two members, if there are two.
    comma: Option<Range<usize>>,
    close: Range<usize>,
}

impl Gaps {
    /// The gaps between members, given where each of them begins and ends. `None` if there are no members.
    pub(super) fn of<M>(source: &Raw, members: &[M], span: impl Fn(&M) -> Range<usize>) -> Option<Self> {
        let (first, last) = (span(members.first()?), span(members.last()?));
        Some(Self {
            open: source.range().start + 1..first.start,
            colon: None,
            comma: members.get(1).map(|second| first.end..span(second).start),
            close: last.end..source.range().end - 1,
        })
    }

    /// Adds the gap between the first key and its value.
    pub(super) fn with_colon(self, colon: Range<usize>) -> Self {
        Self { colon: Some(colon), ..self }
    }

    fn are_narrow(&self) -> bool {
        let gaps = [Some(&self.open), self.colon.as_ref(), self.comma.as_ref(), Some(&self.close)];
        gaps.into_iter().flatten().all(|gap| gap.len() <= WIDEST)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{List, Object};
    use super::*;

    fn object(json: &str) -> Object {
        Object::read(&Raw::parse(json.to_owned()).unwrap()).unwrap()
    }

    fn list(json: &str) -> List {
        List::read(&Raw::parse(json.to_owned()).unwrap()).unwrap()
    }

    fn one() -> Raw {
        Raw::unsigned(1)
    }

    #[test]
    fn a_changed_object_keeps_its_own_layout() {
        let table = [
            (r#"{"a": 0}"#, r#"{"a": 0, "n": 1}"#),
            (r#"{"a":0}"#, r#"{"a":0,"n":1}"#),
            (r#"{"a" : 0}"#, r#"{"a" : 0, "n" : 1}"#),
            (r#"{ "a":0 }"#, r#"{ "a":0, "n":1 }"#),
            (r#"{"a":0, "b":0}"#, r#"{"a":0, "b":0, "n":1}"#),
            (r#"{"a": 0,"b": 0}"#, r#"{"a": 0,"b": 0,"n": 1}"#),
            ("{\n  \"a\": 0\n}", "{\n  \"a\": 0,\n  \"n\": 1\n}"),
            ("{\r\n\t\"a\": 0\r\n}", "{\r\n\t\"a\": 0,\r\n\t\"n\": 1\r\n}"),
            ("{\n    \"a\": 0,\n    \"b\": 0\n  }", "{\n    \"a\": 0,\n    \"b\": 0,\n    \"n\": 1\n  }"),
            ("{}", r#"{"n": 1}"#),
            ("{ \n }", r#"{"n": 1}"#),
        ];
        for (before, after) in table {
            let mut object = object(before);
            assert_eq!(object.render().as_str(), before);
            object.set("n", one());
            assert_eq!(object.render().as_str(), after);
        }
    }

    #[test]
    fn a_changed_list_keeps_its_own_layout() {
        let table = [
            ("[0]", "[0, 1]"),
            ("[0,0]", "[0,0,1]"),
            ("[0, 0]", "[0, 0, 1]"),
            ("[ 0 ]", "[ 0, 1 ]"),
            ("[\n  0\n]", "[\n  0,\n  1\n]"),
            ("[\r\n\t0,\r\n\t0\r\n]", "[\r\n\t0,\r\n\t0,\r\n\t1\r\n]"),
            ("[]", "[1]"),
            ("[ ]", "[1]"),
        ];
        for (before, after) in table {
            let mut list = list(before);
            assert_eq!(list.render().as_str(), before);
            list.push(Raw::unsigned(1));
            assert_eq!(list.render().as_str(), after);
        }
    }

    #[test]
    fn an_object_inside_another_keeps_its_own_layout() {
        let outer = object("{\n  \"a\": {\"b\":{ \"c\" : 1e400 }}\n}");
        let inner = Object::read(outer.get("a").unwrap()).unwrap();
        let mut innermost = Object::read(inner.get("b").unwrap()).unwrap();
        innermost.set("n", one());
        assert_eq!(innermost.render().as_str(), r#"{ "c" : 1e400, "n" : 1 }"#);
    }

    #[test]
    fn an_object_that_lost_all_members_is_empty_and_remembers_its_layout() {
        let mut object = object("{\n  \"a\": 1\n}");
        object.remove("a");
        assert_eq!(object.render().as_str(), "{}");
        object.set("b", one());
        assert_eq!(object.render().as_str(), "{\n  \"b\": 1\n}");
    }

    #[test]
    fn a_list_that_lost_all_items_is_empty() {
        let mut list = list("[\n  1\n]");
        list.retain(|_, _| false);
        assert_eq!(list.render().as_str(), "[]");
    }

    #[test]
    fn a_gap_too_wide_to_be_meant_is_not_repeated() {
        let wide = " ".repeat(WIDEST + 1);
        for before in [
            format!("{{{wide}\"a\": 0}}"),
            format!("{{\"a\"{wide}: 0}}"),
            format!("{{\"a\": 0{wide}}}"),
            format!("{{\"a\": 0,{wide}\"a\": 0}}"),
        ] {
            let mut object = object(&before);
            assert_eq!(object.render().as_str(), before);
            object.remove("a");
            object.set("n", one());
            object.set("m", one());
            assert_eq!(object.render().as_str(), r#"{"n": 1, "m": 1}"#);
        }
    }
}
