use super::object::Object;

/// How the members of an object or a list are laid out that has no text of its own to go by.
///
/// ```
/// use pool_format::raw::{Layout, Object, Raw};
///
/// let rendered = |layout: Layout| {
///     let mut object = Object::new(layout);
///     object.set("a", Raw::unsigned(1));
///     object.render().as_str().to_owned()
/// };
/// assert_eq!(rendered(Layout::Compact), r#"{"a": 1}"#);
/// assert_eq!(rendered(Layout::indented()), "{\n  \"a\": 1\n}");
/// assert_eq!(rendered(Layout::indented().deeper()), "{\n    \"a\": 1\n  }");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Layout {
    /// On one line, as Python's `json.dumps` does when told nothing: `{"a": 1, "b": 2}`.
    Compact,
    /// Each member on a line of its own.
    Indented {
        /// What a line is indented by for each level.
        unit: Indent,
        /// How many containers this one stands in.
        depth: usize,
    },
}

impl Layout {
    /// A document indented by two spaces, as the programs that own `auth.json` write it.
    ///
    /// ```
    /// use pool_format::raw::{Indent, Layout};
    ///
    /// assert_eq!(Layout::indented(), Layout::Indented { unit: Indent::spaces(2), depth: 0 });
    /// ```
    #[must_use]
    pub fn indented() -> Self {
        Self::Indented { unit: Indent::spaces(2), depth: 0 }
    }

    /// How a document is laid out, as its top-level object shows it. An empty one shows nothing, and is
    /// taken to be [indented](Layout::indented).
    ///
    /// ```
    /// use pool_format::raw::{Indent, Layout, Object, Raw};
    ///
    /// let layout = |json: &str| Ok(Layout::of(&Object::read(&Raw::parse(json.to_owned())?).expect("an object")));
    /// assert_eq!(layout(r#"{"a": {}}"#)?, Layout::Compact);
    /// assert_eq!(layout("{\n    \"a\": {}\n}")?, Layout::Indented { unit: Indent::spaces(4), depth: 0 });
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn of(top: &Object) -> Self {
        let Some(white_space) = top.opening() else {
            return Self::indented();
        };
        Indent::in_white_space(white_space).map_or(Self::Compact, |unit| Self::Indented { unit, depth: 0 })
    }

    /// The layout of a container that stands in one laid out like this.
    ///
    /// ```
    /// use pool_format::raw::{Indent, Layout};
    ///
    /// assert_eq!(Layout::indented().deeper(), Layout::Indented { unit: Indent::spaces(2), depth: 1 });
    /// assert_eq!(Layout::Compact.deeper(), Layout::Compact);
    /// ```
    #[must_use]
    pub fn deeper(&self) -> Self {
        match self {
            Self::Compact => Self::Compact,
            Self::Indented { unit, depth } => Self::Indented { unit: unit.clone(), depth: depth + 1 },
        }
    }
}

/// A line break and what a line behind it is indented by for each level. Only ever white space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Indent {
    line_break: &'static str,
    white_space: String,
}

impl Indent {
    /// So many spaces, behind a line feed.
    ///
    /// ```
    /// use pool_format::raw::{Indent, List, Layout, Raw};
    ///
    /// let mut list = List::new(Layout::Indented { unit: Indent::spaces(3), depth: 0 });
    /// list.push(Raw::null());
    /// assert_eq!(list.render().as_str(), "[\n   null\n]");
    /// ```
    #[must_use]
    pub fn spaces(count: u8) -> Self {
        Self { line_break: "\n", white_space: " ".repeat(usize::from(count)) }
    }

    /// The indent that the white space before the first member of a top-level object shows, if that begins a line.
    fn in_white_space(white_space: &str) -> Option<Self> {
        let (before, white_space) = white_space.rsplit_once('\n')?;
        let line_break = if before.ends_with('\r') { "\r\n" } else { "\n" };
        Some(Self { line_break, white_space: white_space.to_owned() })
    }

    fn line(&self, depth: usize) -> String {
        format!("{}{}", self.line_break, self.white_space.repeat(depth))
    }
}

/// All that stands between the members of one container.
#[derive(Clone, Debug)]
pub(super) struct Spacing {
    /// White space between the opening bracket and the first member.
    pub(super) open: String,
    /// The comma between two members, with white space.
    pub(super) comma: String,
    /// The colon between a key and its value, with white space.
    pub(super) colon: String,
    /// White space between the last member and the closing bracket.
    pub(super) close: String,
}

impl Spacing {
    pub(super) fn of(layout: &Layout) -> Self {
        let (open, comma, close) = match layout {
            Layout::Compact => (String::new(), ", ".to_owned(), String::new()),
            Layout::Indented { unit, depth } => {
                let open = unit.line(depth + 1);
                let comma = format!(",{open}");
                (open, comma, unit.line(*depth))
            }
        };
        Self { open, comma, colon: ": ".to_owned(), close }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Raw;
    use super::*;

    fn object(json: &str) -> Object {
        Object::read(&Raw::parse(json.to_owned()).unwrap()).unwrap()
    }

    fn one() -> Raw {
        Raw::unsigned(1)
    }

    #[test]
    fn a_told_layout_is_for_objects_without_members_only() {
        let layout = Layout::Indented { unit: Indent::spaces(2), depth: 1 };
        for (before, after) in [("{ }", "{\n    \"n\": 1\n  }"), (r#"{"a":0}"#, r#"{"a":0,"n":1}"#)] {
            let mut object = object(before).or_layout(layout.clone());
            assert_eq!(object.render().as_str(), before, "a layout is no change");
            object.set("n", one());
            assert_eq!(object.render().as_str(), after);
        }
    }

    #[test]
    fn the_layout_of_a_document_is_that_of_its_first_member() {
        let child_in = |white_space: &str| {
            let top = object(&format!("{{{white_space}\"a\": 0}}"));
            let mut child = Object::new(Layout::of(&top).deeper());
            child.set("n", one());
            child.render().as_str().to_owned()
        };
        let table = [
            ("", r#"{"n": 1}"#),
            ("  ", r#"{"n": 1}"#),
            ("\n", "{\n\"n\": 1\n}"),
            ("\n\t", "{\n\t\t\"n\": 1\n\t}"),
            ("\r\n  ", "{\r\n    \"n\": 1\r\n  }"),
            ("\n\n ", "{\n  \"n\": 1\n }"),
        ];
        for (white_space, child) in table {
            assert_eq!(child_in(white_space), child);
        }
        assert_eq!(Layout::of(&object("{ }")), Layout::indented());
    }
}
