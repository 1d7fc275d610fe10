//! What holds for any text.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Layout, List, Object, Raw, decode};

const SPACES: [&str; 6] = ["", " ", "\n", "\r\n\t", "\n    ", "  "];
/// Few, and some of them spelled twice, so that duplicates are common.
const KEYS: [&str; 7] =
    [r#""a""#, r#""\u0061""#, r#""b""#, r#""""#, r#""\ud800""#, "\"\u{e9}\u{1f511}\"", r#""\"a\\""#];
const NAMES: [&str; 5] = ["a", "b", "", "\u{e9}\u{1f511}", "\"a\\"];

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&SPACES[..])
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KEYS[..])
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&["null", "true", "false", "1.0", "-0", "1e400"][..]).prop_map(str::to_owned),
        "-?(0|[1-9][0-9]{0,30})([.][0-9]{1,5})?([eE][-+]?[0-9]{1,4})?",
        r#""([^"\\[:cntrl:]]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\ud[89ab][0-9a-f]{2}){0,8}""#,
    ]
}

/// `[` or `{` around members, with white space wherever it may stand.
fn bracketed(brackets: [&str; 2], members: &[String], inside: &str) -> String {
    let inside = if members.is_empty() { inside.to_owned() } else { members.join(",") };
    format!("{}{inside}{}", brackets[0], brackets[1])
}

fn array(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let item = (space(), item, space()).prop_map(|(before, item, after)| format!("{before}{item}{after}"));
    (vec(item, 0..5), space()).prop_map(|(items, inside)| bracketed(["[", "]"], &items, inside))
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let gaps = (space(), space(), space(), space());
    let member = (gaps, key(), value)
        .prop_map(|(gap, key, value)| format!("{}{key}{}:{}{value}{}", gap.0, gap.1, gap.2, gap.3));
    (vec(member, 0..6), space()).prop_map(|(members, inside)| bracketed(["{", "}"], &members, inside))
}

/// Any JSON text.
fn json() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 32, 5, |inner| prop_oneof![array(inner.clone()), object(inner)])
}

/// A text cut, overwritten or stuffed in a few places.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[],:0-eNI\0\n"[..]),];
    let edits = vec((any::<prop::sample::Index>(), 0..4_u8, byte), 1..5);
    (json(), edits).prop_map(|(json, edits)| {
        let mut bytes = json.into_bytes();
        for (index, edit, byte) in edits {
            let index = index.index(bytes.len() + 1);
            match edit {
                0 => bytes.truncate(index),
                1 => bytes.insert(index, byte),
                2 => bytes.splice(index..index, *b"NaN").for_each(drop),
                _ => bytes.iter_mut().skip(index).take(1).for_each(|old| *old = byte),
            }
        }
        bytes
    })
}

/// Takes a value apart and puts it together again, all the way down.
fn rebuilt(raw: &Raw) -> Raw {
    if let Some(object) = Object::read(raw) {
        for (_, value) in object.members() {
            assert_eq!(rebuilt(value), *value);
        }
        return object.render();
    }
    let Some(list) = List::read(raw) else { return raw.clone() };
    for item in list.items() {
        assert_eq!(rebuilt(item), *item);
    }
    list.render()
}

fn spelled(object: &Object) -> Vec<(String, String)> {
    object.members().map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned())).collect()
}

/// The members whose key does not say `name`.
fn others(object: &Object, name: &str) -> Vec<(String, String)> {
    let others = object.members().filter(|(key, _)| !key.says(name));
    others.map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned())).collect()
}

fn reread(object: &Object) -> Object {
    let text = object.render().as_str().to_owned();
    Object::read(&Raw::parse(text).expect("what was rendered is JSON")).expect("an object renders as one")
}

proptest! {
    #[test]
    fn what_is_not_changed_comes_back_byte_for_byte(before in space(), json in json(), after in space()) {
        let decoded = decode(format!("{before}{json}{after}").into_bytes()).unwrap();
        prop_assert_eq!(decoded.raw.as_str(), &json);
        prop_assert!(decoded.warnings.is_empty());
        let rebuilt = rebuilt(&decoded.raw);
        prop_assert_eq!(rebuilt.as_str(), &json);
    }

    #[test]
    fn what_was_set_is_there_and_the_others_are_as_they_were(
        json in object(json()), name in name(), value in json()
    ) {
        let before = Object::read(&Raw::parse(json).unwrap()).unwrap();
        let value = Raw::parse(value).unwrap();
        let mut changed = before.clone();
        changed.set(name, value.clone());
        let after = reread(&changed);
        prop_assert_eq!(after.get(name), Some(&value));
        prop_assert_eq!(others(&after, name), others(&before, name));
        prop_assert_eq!(after.len(), before.len() + usize::from(before.get(name).is_none()));
        prop_assert_eq!(spelled(&after), spelled(&changed));
    }

    #[test]
    fn many_members_are_found_as_few_are(
        json in object(json()), more in vec(any::<u8>(), 0..80), changes in vec((any::<u8>(), any::<bool>()), 0..20)
    ) {
        let mut object = Object::read(&Raw::parse(json).unwrap()).unwrap();
        for name in more {
            object.push(Raw::string(&name.to_string()), Raw::unsigned(0));
        }
        for (serial, (name, stays)) in (1..).zip(changes) {
            let name = name.to_string();
            if stays {
                object.set(&name, Raw::unsigned(serial));
            } else {
                object.remove(&name);
            }
            let walked = object.members().rev().find(|(key, _)| key.says(&name)).map(|(_, value)| value);
            prop_assert_eq!(object.get(&name), walked);
            prop_assert_eq!(walked.is_some(), stays);
        }
    }

    #[test]
    fn what_was_removed_is_gone_and_the_others_are_as_they_were(json in object(json()), name in name()) {
        let before = Object::read(&Raw::parse(json).unwrap()).unwrap();
        let mut changed = before.clone();
        prop_assert_eq!(changed.remove(name), before.get(name).is_some());
        let after = reread(&changed);
        prop_assert_eq!(after.get(name), None);
        prop_assert_eq!(spelled(&after), others(&before, name));
    }

    #[test]
    fn a_changed_list_is_the_list_one_expects(
        json in array(json()), index in 0..6_usize, value in json()
    ) {
        let mut list = List::read(&Raw::parse(json).unwrap()).unwrap();
        let mut expected: Vec<Raw> = list.items().cloned().collect();
        let value = Raw::parse(value).unwrap();
        prop_assert_eq!(list.replace(index, value.clone()), index < expected.len());
        expected.iter_mut().skip(index).take(1).for_each(|item| *item = value.clone());
        list.push(value.clone());
        expected.push(value);
        list.retain(|index, _| index > 0);
        let text = list.render().as_str().to_owned();
        let after = List::read(&Raw::parse(text).unwrap()).unwrap();
        prop_assert!(after.items().eq(&expected[1..]));
    }

    #[test]
    fn a_string_comes_back_as_it_went_in(text: String) {
        let raw = Raw::string(&text);
        prop_assert!(raw.as_str().is_ascii());
        prop_assert_eq!(&serde_json::from_str::<String>(raw.as_str()).unwrap(), &text);
        prop_assert!(raw.says(&text));
        prop_assert_eq!(Raw::parse(raw.as_str().to_owned()).unwrap().to_text(), Some(text));
    }

    #[test]
    fn strings_are_decoded_as_serde_json_does(json in scalar()) {
        let raw = Raw::parse(json.clone()).unwrap();
        prop_assert_eq!(raw.to_text(), serde_json::from_str(&json).ok());
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error_with_a_place(bytes: Vec<u8>) {
        if let Err(error) = decode(bytes) {
            prop_assert!(error.line > 0 && error.column > 0);
        }
    }

    #[test]
    fn a_damaged_text_is_a_value_or_an_error_with_a_place(bytes in damaged()) {
        let strict = serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok();
        match decode(bytes) {
            Ok(decoded) => {
                prop_assert_eq!(strict, decoded.warnings.is_empty());
                prop_assert_eq!(rebuilt(&decoded.raw), decoded.raw);
            }
            Err(error) => {
                prop_assert!(!strict);
                prop_assert!(error.line > 0 && error.column > 0);
            }
        }
    }

    #[test]
    fn an_error_says_nothing_of_what_is_there(before in json(), index: prop::sample::Index) {
        let mut text = format!(r#"{{"zqx": [{before}, "zqx"], zqx"#);
        let indices: Vec<_> = text.char_indices().map(|(offset, _)| offset).collect();
        text.insert_str(*index.get(&indices), "zqx");
        let error = decode(text.into_bytes()).unwrap_err();
        prop_assert!(!format!("{error} {error:?}").contains("zq"), "{}", error);
    }
}

#[test]
fn a_new_object_of_any_layout_is_json() {
    let top = Object::read(&Raw::parse("{\r\n\t\"a\": 1}".to_owned()).unwrap()).unwrap();
    for layout in [Layout::Compact, Layout::of(&top), Layout::of(&top).deeper()] {
        let mut object = Object::new(layout);
        object.set("a", Raw::unsigned(1));
        object.set("b", Raw::signed(-1));
        assert_eq!(reread(&object).len(), 2);
    }
}

#[test]
fn nothing_prints_what_is_in_it() {
    let raw = Raw::parse(r#"{"sk-key": "sk-live", "list": ["sk-live"]}"#.to_owned()).unwrap();
    let object = Object::read(&raw).unwrap();
    let list = List::read(object.get("list").unwrap());
    let decoded = decode(raw.as_str().into());
    let printed = format!("{raw:?} {:?} {object:?} {list:?} {decoded:?}", raw.document());
    assert!(!printed.contains("sk-"), "{printed}");
}
