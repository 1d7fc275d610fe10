use std::fmt;

use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::frame::{Frame, Gaps};
use super::layout::Layout;
use super::value::{Kind, Raw};

/// One level of an array: its items in order, each still a slice of the text.
///
/// Until it is changed it renders as the very slice it was read from; changed, as [`Object`](super::Object) does.
///
/// ```
/// use pool_format::raw::{List, Raw};
///
/// let mut list = List::read(&Raw::parse("[1.0,2.0]".to_owned())?).expect("an array");
/// list.push(Raw::unsigned(3));
/// list.retain(|index, _| index > 0);
/// assert_eq!(list.render().as_str(), "[2.0,3]");
/// # Ok::<(), pool_format::raw::SyntaxError>(())
/// ```
#[derive(Clone)]
pub struct List {
    frame: Frame,
    items: Vec<Raw>,
}

impl List {
    /// A list without items.
    ///
    /// ```
    /// use pool_format::raw::{Layout, List};
    ///
    /// assert_eq!(List::new(Layout::Compact).render().as_str(), "[]");
    /// ```
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { frame: Frame::new(Raw::whole("[]".to_owned()), None, layout), items: Vec::new() }
    }

    /// Takes an array apart. `None` if the value is something else.
    ///
    /// ```
    /// use pool_format::raw::{List, Raw};
    ///
    /// assert_eq!(List::read(&Raw::parse("[1, 2]".to_owned())?).map(|list| list.len()), Some(2));
    /// assert!(List::read(&Raw::null()).is_none());
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn read(raw: &Raw) -> Option<Self> {
        // Asked first, since serde_json would quote another value in the error it makes.
        if raw.kind() != Kind::Array {
            return None;
        }
        let items: Vec<Raw> = match raw.known_members() {
            Some(known) => known.iter().map(|(_, item)| raw.at(item)).collect(),
            None => {
                serde_json::Deserializer::from_str(raw.as_str()).deserialize_seq(Items { of: raw }).ok()?
            }
        };
        let gaps = Gaps::of(raw, &items, Raw::range);
        Some(Self { frame: Frame::new(raw.clone(), gaps, Layout::Compact), items })
    }

    /// Lays the list out like this if it was read without items; one that had some keeps to its own layout.
    ///
    /// ```
    /// use pool_format::raw::{Layout, List, Raw};
    ///
    /// let changed = |json: &str| {
    ///     let list = List::read(&Raw::parse(json.to_owned())?).expect("an array");
    ///     let mut list = list.or_layout(Layout::indented());
    ///     list.push(Raw::null());
    ///     Ok(list.render().as_str().to_owned())
    /// };
    /// assert_eq!(changed("[]")?, "[\n  null\n]");
    /// assert_eq!(changed("[1]")?, "[1, null]");
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn or_layout(self, layout: Layout) -> Self {
        Self { frame: self.frame.with_layout(layout), ..self }
    }

    /// All items in order.
    ///
    /// ```
    /// use pool_format::raw::{List, Raw};
    ///
    /// let list = List::read(&Raw::parse("[1, 2]".to_owned())?).expect("an array");
    /// assert!(list.items().map(Raw::as_str).eq(["1", "2"]));
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn items(&self) -> impl ExactSizeIterator<Item = &Raw> + DoubleEndedIterator {
        self.items.iter()
    }

    /// How many items there are.
    ///
    /// ```
    /// use pool_format::raw::{Layout, List};
    ///
    /// assert_eq!(List::new(Layout::Compact).len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    ///
    /// ```
    /// use pool_format::raw::{Layout, List};
    ///
    /// assert!(List::new(Layout::Compact).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Puts a value in the place of an item, and says whether there is such an item. A value that is there already,
    /// spelled alike, is no change.
    ///
    /// ```
    /// use pool_format::raw::{List, Raw};
    ///
    /// let mut list = List::read(&Raw::parse("[1, 2]".to_owned())?).expect("an array");
    /// assert!(list.replace(1, Raw::null()));
    /// assert!(!list.replace(2, Raw::null()));
    /// assert_eq!(list.render().as_str(), "[1, null]");
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn replace(&mut self, index: usize, value: Raw) -> bool {
        let Some(item) = self.items.get_mut(index) else {
            return false;
        };
        if *item != value {
            *item = value;
            self.frame.mark_changed();
        }
        true
    }

    /// Takes out what is not wanted, by number and value.
    ///
    /// ```
    /// use pool_format::raw::{List, Raw};
    ///
    /// let mut list = List::read(&Raw::parse("[1, 2, 3]".to_owned())?).expect("an array");
    /// list.retain(|index, _| index != 1);
    /// assert_eq!(list.render().as_str(), "[1, 3]");
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn retain(&mut self, mut is_wanted: impl FnMut(usize, &Raw) -> bool) {
        let before = self.items.len();
        let mut index = 0..;
        self.items.retain(|item| index.next().is_some_and(|index| is_wanted(index, item)));
        if self.items.len() < before {
            self.frame.mark_changed();
        }
    }

    /// Puts a value at the end.
    ///
    /// ```
    /// use pool_format::raw::{Layout, List, Raw};
    ///
    /// let mut list = List::new(Layout::Compact);
    /// list.push(Raw::boolean(true));
    /// assert_eq!(list.render().as_str(), "[true]");
    /// ```
    pub fn push(&mut self, value: Raw) {
        self.frame.mark_changed();
        self.items.push(value);
    }

    /// The list as one value again.
    ///
    /// ```
    /// use pool_format::raw::{List, Raw};
    ///
    /// let raw = Raw::parse("[ 1e400,1.0 ]".to_owned())?;
    /// assert_eq!(List::read(&raw).expect("an array").render(), raw);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn render(&self) -> Raw {
        self.frame.render(self.items.iter().map(|item| ("", item.as_str())))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "List({} items)", self.items.len())
    }
}

/// Collects the items of an array as slices of it.
struct Items<'a> {
    of: &'a Raw,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<Raw>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element::<&RawValue>()? {
            items.push(self.of.part(item));
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(json: &str) -> List {
        List::read(&Raw::parse(json.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn what_changes_nothing_is_no_change() {
        let odd = "[0 ,1,  2]";
        let mut list = list(odd);
        assert!(list.replace(1, Raw::unsigned(1)));
        assert!(!list.replace(3, Raw::unsigned(1)));
        list.retain(|index, _| index < 3);
        assert_eq!(list.render().as_str(), odd);
    }

    #[test]
    fn other_values_are_no_lists() {
        for json in ["null", "true", "1", r#""[]""#, "{\"a\": []}"] {
            assert!(List::read(&Raw::parse(json.to_owned()).unwrap()).is_none(), "{json}");
        }
    }
}
