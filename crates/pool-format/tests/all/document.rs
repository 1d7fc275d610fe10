//! The store as a whole: what it refuses, what it keeps, and what a write puts into it.

use pool_format::raw::{List, Object, Raw};
use pool_format::{Document, Placement};

use crate::support::{acme, instant, noon, object, pin, provider, raw, read, rendered};

/// Everything that a rewrite could spoil, in places that are nobody's, another program's, and ours.
const ODD: &str = concat!(
    "\r\n{ \"theirs\" :1e400 ,\n\t\"digits\": 123456789012345678901234567890,  \"one\": 1.0, \"one\": -0.0,\n",
    "  \"J\u{fc}rgen \u{1f511}\": \"\\ud800 \\u0041 \u{e9}\",  \"\\udfff\": [ ],\n",
    "  \"providers\": {\"acme\" : {\"tokens\":{}} },\n",
    "  \"credential_pool\": {\"acme\": [ {\"id\":\"a1\" , \"limit\": 1e400,\"id\":\"a2\"}, null, 7,\"text\", [], {} ],\n",
    "    \"odd\": 1.0, \"null\":null, \"\": [{\"id\": \"x\"}], \"\\ud800\": [ {\"id\":\"y\"}]},\n",
    "  \"credential_pool_runtime\" : {\"acme\": {\"a2\":{\"status\":\"\\u006fk\", \"more\": 1E+400}, \"\\ud800\": {}},",
    " \"gone\": {\"g\" : 7}, \"empty\": {}, \"null\": null}\n",
    "}\n\n",
);

#[test]
fn what_no_change_touches_comes_back_byte_for_byte() {
    for text in [ODD, "{}", " {} ", "{\"credential_pool\": null, \"credential_pool_runtime\": null}\n"] {
        assert_eq!(rendered(&read(text)), text);
    }
}

#[test]
fn a_change_leaves_all_other_values_as_they_are_spelled() {
    let mut changed = read(ODD);
    let mut records = changed.records(&acme());
    records.set("a2", raw(r#"{"status": "dead"}"#));
    changed.set_records(&acme(), &records);
    let mut entries = changed.entries(&acme());
    assert!(entries.replace(0, raw(r#"{"id": "a2"}"#)));
    changed.set_entries(&acme(), &entries);

    let after = rendered(&changed);
    let owned = ["credential_pool", "credential_pool_runtime"];
    assert_eq!(spelled_but(&after, &[], &owned), spelled_but(ODD, &[], &owned));
    for section in owned {
        assert_eq!(spelled_but(&after, &[section], &["acme"]), spelled_but(ODD, &[section], &["acme"]));
    }
    assert!(after.contains(r#"[ {"id": "a2"}, null, 7, "text", [], {} ]"#), "{after}");
    assert!(after.contains(r#"{"a2":{"status": "dead"}, "\ud800":{}}"#), "{after}");
    assert!(after.starts_with("\r\n{ ") && after.ends_with("}\n\n"), "{after}");
}

#[test]
fn depth_is_kept_and_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(
        r#"{{"deep": {deep}, "credential_pool": {{"acme": [{deep}, {{"id": "a1", "deep": {deep}}}]}},
            "credential_pool_runtime": {{"acme": {{"a1": {{"deep": {deep}}}}}}}}}"#
    );
    let mut changed = read(&text);
    assert_eq!(rendered(&changed), text);
    let mut records = changed.records(&acme());
    records.set("b2", raw("{}"));
    changed.set_records(&acme(), &records);
    assert_eq!(rendered(&changed).matches(&deep).count(), 4);
}

#[test]
fn a_store_or_section_that_is_no_object_is_refused() {
    let cases = [
        ("[]", "the store is not a JSON object"),
        ("null", "the store is not a JSON object"),
        ("", "file is empty"),
        ("{\n\"a\": sk-live\n}", "not JSON: expected value at line 2 column 6"),
        (r#"{"credential_pool": []}"#, "credential_pool is not a JSON object"),
        (r#"{"credential_pool": "x"}"#, "credential_pool is not a JSON object"),
        (r#"{"credential_pool_runtime": 7}"#, "credential_pool_runtime is not a JSON object"),
        (r#"{"credential_pool_runtime": {"acme": []}}"#, "credential_pool_runtime.acme is not a JSON object"),
        (r#"{"credential_pool_runtime": {"\ud800": 1}}"#, "credential_pool_runtime. is not a JSON object"),
    ];
    for (text, message) in cases {
        assert_eq!(Document::read(text.into()).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn numbers_that_only_python_writes_read_as_null_with_a_warning() {
    let text = "{\n  \"credential_pool\": {\"acme\": [{\"id\": \"a1\", \"expires_at\": NaN}]},\n  \"x\": -Infinity\n}\n";
    let document = read(text);
    let warnings: Vec<String> = document.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "`NaN` at line 2 column 59 is not JSON and reads as null",
            "`-Infinity` at line 3 column 8 is not JSON and reads as null",
        ]
    );
    assert_eq!(rendered(&document), text.replace("NaN", "null").replace("-Infinity", "null"));
}

#[test]
fn a_provider_is_one_whose_value_is_a_list() {
    let document = read(ODD);
    assert_eq!(document.providers(), [acme()]);
    assert_eq!(document.entries(&acme()).len(), 6);
    for (name, is_foreign) in [("acme", false), ("odd", true), ("null", false), ("nobody", false)] {
        assert_eq!(document.is_foreign(&provider(name)), is_foreign, "{name}");
    }
    for name in ["odd", "null", "nobody"] {
        assert!(document.entries(&provider(name)).is_empty(), "{name}");
    }
}

#[test]
fn providers_come_in_the_order_of_the_file_and_names_are_compared_letter_by_letter() {
    let document = read(r#"{"credential_pool": {"b": [], "a": 7, "\u0042": [], "c": []}}"#);
    assert_eq!(document.providers(), [provider("b"), provider("B"), provider("c")]);
}

#[test]
fn of_duplicate_keys_the_last_one_counts_and_is_replaced() {
    let mut document = read(
        r#"{"credential_pool": {"acme": 1}, "credential_pool": {"acme": [], "acme": [{"id": "a1"}]},
            "credential_pool_runtime": {"acme": {"a1": 1}, "acme": {"a1": 2, "a1": 3}}}"#,
    );
    assert_eq!(document.providers(), [acme()]);
    assert_eq!(document.entries(&acme()).len(), 1);
    let mut records = document.records(&acme());
    assert_eq!(records.get("a1"), Some(&raw("3")));
    records.set("a1", raw("4"));
    document.set_records(&acme(), &records);
    assert!(rendered(&document).ends_with(r#"{"acme": {"a1": 1}, "acme": {"a1": 2, "a1": 4}}}"#));
}

#[test]
fn of_duplicate_providers_the_last_one_counts_even_if_it_is_no_list() {
    let document = read(r#"{"credential_pool": {"acme": [{"id": "a1"}], "acme": 7}}"#);
    assert!(document.providers().is_empty());
    assert!(document.is_foreign(&acme()));
}

#[test]
fn records_that_are_all_gone_leave_no_trace() {
    let mut document = read(r#"{"credential_pool_runtime": {"acme": {"a1": {}}, "b": {"b1": {}}}}"#);
    document.set_records(&acme(), &object("{}"));
    assert_eq!(rendered(&document), r#"{"credential_pool_runtime": {"b": {"b1": {}}}}"#);
}

#[test]
fn records_that_were_never_there_are_left_so() {
    for text in [
        "{}",
        r#"{ "credential_pool_runtime":null}"#,
        r#"{ "credential_pool_runtime":{ "acme" : {}}}"#,
        r#"{ "credential_pool_runtime":{ "acme" : null}}"#,
    ] {
        let mut document = read(text);
        let records = document.records(&acme());
        document.set_records(&acme(), &records);
        assert_eq!(rendered(&document), text);
    }
}

#[test]
fn new_text_is_laid_out_as_the_file_is() {
    let cases = [
        ("{\n  \"version\": 1\n}\n", "two_spaces"),
        ("{\n\t\"version\": 1\n}\n", "tabs"),
        ("{\"version\":1}", "one_line"),
        ("{}", "nothing_to_go_by"),
    ];
    let mut text = String::new();
    for (store, name) in cases {
        let mut document = read(store);
        let mut records = document.records(&acme());
        let mut record = Object::new(document.record_layout());
        record.set("status", Raw::string("ok"));
        records.set("a1", record.render());
        document.set_records(&acme(), &records);
        let mut entries = document.entries(&acme());
        let mut entry = Object::new(document.entry_layout());
        entry.set("id", Raw::string("a1"));
        entries.push(entry.render());
        document.set_entries(&acme(), &entries);
        text.push_str(&format!("--- {name}\n{}\n", rendered(&document).trim_end()));
    }
    pin("layout_of_new_text", &text);
}

#[test]
fn line_breaks_stay_what_they_are() {
    let mut document = read("{\r\n  \"version\": 1\r\n}\r\n");
    document.stamp(noon()).unwrap();
    let text = rendered(&document);
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.contains("\r\n  \"updated_at\": "), "{text:?}");
}

#[test]
fn an_empty_store_is_one_that_can_be_read() {
    let mut document = Document::empty();
    assert_eq!(rendered(&document), "{}\n");
    document.stamp(noon()).unwrap();
    pin("empty_store", &rendered(&document));
    assert_eq!(rendered(&read(&rendered(&document))), rendered(&document));
}

#[test]
fn a_write_is_stamped() {
    let cases = [
        (r#"{"x": 1}"#, r#"{"x": 1, "version": 1, "providers": {}"#),
        (r#"{"version": 0, "providers": null}"#, r#"{"version": 1, "providers": {}"#),
        (r#"{"providers": {"x" : 1e400}}"#, r#"{"providers": {"x" : 1e400}, "version": 1"#),
        (r#"{"providers": 7, "version": -3}"#, r#"{"providers": 7, "version": 1"#),
        (
            r#"{"version": 2, "version": 1, "providers": {}}"#,
            r#"{"version": 2, "version": 1, "providers": {}"#,
        ),
    ];
    for (text, stamped) in cases {
        let mut document = read(text);
        document.stamp(noon()).unwrap();
        assert_eq!(
            rendered(&document),
            format!(r#"{stamped}, "updated_at": "2026-05-26T12:00:00Z"}}"#),
            "{text}"
        );
    }
}

#[test]
fn the_time_of_a_write_stays_where_it_stands() {
    let mut document =
        read(r#"{"updated_at": "2026-11-21T03:42:37.728398+00:00", "version": 1, "providers": {}}"#);
    document.stamp(instant("2026-11-22T00:00:00.5Z")).unwrap();
    assert_eq!(
        rendered(&document),
        r#"{"updated_at": "2026-11-22T00:00:00.500000Z", "version": 1, "providers": {}}"#
    );
}

#[test]
fn a_version_above_1_or_that_is_no_integer_is_read_and_not_written() {
    let cases = [
        ("2", "the version of the store is 2, and this program writes only version 1"),
        ("99999999999999999999", "the version of the store is 99999999999999999999, and this program"),
        ("1.0", "the version of the store is 1.0, and"),
        ("1e0", "the version of the store is 1e0, and"),
        ("1.5", "the version of the store is 1.5, and"),
        ("null", "the version of the store is not a number, and"),
        (r#""1""#, "the version of the store is not a number, and"),
        ("[1]", "the version of the store is not a number, and"),
        ("1, \"version\": 2", "the version of the store is 2, and"),
    ];
    for (version, message) in cases {
        let text = format!(r#"{{"version": {version}, "credential_pool": {{"acme": []}}}}"#);
        let mut document = read(&text);
        assert_eq!(document.providers(), [acme()], "{version}");
        let error = document.writable().unwrap_err();
        assert!(error.to_string().starts_with(message), "{version}: {error}");
        assert_eq!(document.stamp(noon()), Err(error), "{version}");
        assert_eq!(rendered(&document), text, "a refused stamp changes nothing");
    }
}

#[test]
fn only_one_word_means_rolled_back_and_only_true_means_projected() {
    let cases = [
        (r#"{"layout": "inline"}"#, Placement::Inline),
        (r#"{"layout": "\u0069nline", "x": 1}"#, Placement::Inline),
        (r#"{"layout": "split"}"#, Placement::Split),
        (r#"{"layout": "Inline"}"#, Placement::Split),
        (r#"{"layout": true}"#, Placement::Split),
        (r#"{"inline": true}"#, Placement::Projected),
        (r#"{"layout": "split", "inline": true}"#, Placement::Projected),
        (r#"{"layout": "inline", "inline": true}"#, Placement::Inline),
        (r#"{"inline": false}"#, Placement::Split),
        (r#"{"inline": "true"}"#, Placement::Split),
        (r#"{"inline": 1}"#, Placement::Split),
        ("{}", Placement::Split),
        ("null", Placement::Split),
        (r#""inline""#, Placement::Split),
    ];
    for (compat, placement) in cases {
        let text = format!(r#"{{"credential_pool_compat": {compat}}}"#);
        assert_eq!(read(&text).placement(), placement, "{compat}");
    }
}

#[test]
fn what_is_agreed_on_besides_stays_when_projecting_starts_and_stops() {
    let cases = [
        (r#"{"x": 1}"#, r#"{"x": 1, "credential_pool_compat": {"inline": true}}"#),
        (
            r#"{"credential_pool_compat": { "x" :1e400 }, "y": 1}"#,
            r#"{"credential_pool_compat": { "x" :1e400, "inline" :true }, "y": 1}"#,
        ),
    ];
    for (without, with) in cases {
        let mut document = read(without);
        document.set_projected(true);
        assert_eq!(rendered(&document), with);
        document.set_projected(true);
        assert_eq!(rendered(&document), with, "twice is once");
        document.set_projected(false);
        assert_eq!(rendered(&document), without);
        document.set_projected(false);
        assert_eq!(rendered(&document), without, "twice is once");
    }
}

#[test]
fn hidden_records_come_back_as_they_were() {
    let records = r#"{"acme": {"a1": {"status" :1e400}, "a1": 7, "\ud800": {}}, "acme": {"b": 1}, "": {"c": 2}, "\ud800": {}, "n": null}"#;
    let mut document = read(&format!(r#"{{"credential_pool_runtime": {records}, "theirs": 1.0}}"#));
    document.hide_records();
    assert_eq!(
        rendered(&document),
        format!(
            r#"{{"theirs": 1.0, "credential_pool_runtime_rolled_back": {records}, "credential_pool_compat": {{"layout": "inline"}}}}"#
        )
    );
    assert!(document.recorded_providers().is_empty());

    let mut document = read(&rendered(&document));
    assert_eq!(document.reveal_records(), Ok(true));
    assert_eq!(rendered(&document), format!(r#"{{"theirs": 1.0, "credential_pool_runtime": {records}}}"#));
    assert_eq!(document.placement(), Placement::Split);
}

#[test]
fn a_store_that_was_not_rolled_back_has_nothing_to_reveal() {
    let text = r#"{"credential_pool_runtime_rolled_back": {"acme": {"a1": {}}}}"#;
    let mut document = read(text);
    assert_eq!(document.reveal_records(), Ok(false));
    assert_eq!(rendered(&document), text);
}

#[test]
fn hidden_records_go_under_those_that_were_written_since() {
    let mut document = read(
        r#"{"credential_pool_compat": {"layout": "inline", "x": 1e400},
            "credential_pool_runtime_rolled_back": {"acme": {"a1": 1, "a2": 2}, "b": {"b1": 3}, "n": {"n1": 4}},
            "credential_pool_runtime": {"acme": {"a1": 5, "a3": 6}, "c": {"c1": 7}, "n": null}}"#,
    );
    assert_eq!(document.reveal_records(), Ok(true));
    let text = rendered(&document);
    assert!(text.contains(r#""credential_pool_compat": {"x": 1e400}"#), "what is not ours stays: {text}");
    assert!(
        text.ends_with(
            r#"{"acme": {"a1": 5, "a2": 2, "a3": 6}, "b": {"b1": 3}, "n": {"n1": 4}, "c": {"c1": 7}}}"#
        ),
        "{text}"
    );
}

#[test]
fn hidden_values_that_are_no_records_stay_in_hiding() {
    let inline = |hidden: &str| {
        format!(
            r#"{{"credential_pool_runtime_rolled_back": {hidden}, "credential_pool_compat": {{"layout": "inline"}}}}"#
        )
    };
    let mut document = read(&inline(r#"{"odd": 7, "acme": {"a1": {}}, "odd": []}"#));
    assert_eq!(document.reveal_records(), Ok(true));
    let revealed = r#"{"credential_pool_runtime_rolled_back": {"odd": 7, "odd": []}, "credential_pool_runtime": {"acme": {"a1": {}}}}"#;
    assert_eq!(rendered(&document), revealed);
    document.hide_records();
    assert_eq!(rendered(&document), inline(r#"{"acme": {"a1": {}}, "odd": 7, "odd": []}"#));
}

#[test]
fn a_hidden_section_that_is_no_object_is_an_error_and_stays() {
    let text =
        r#"{"credential_pool_compat": {"layout": "inline"}, "credential_pool_runtime_rolled_back": []}"#;
    let mut document = read(text);
    let error = document.reveal_records().unwrap_err();
    assert_eq!(error.to_string(), "credential_pool_runtime_rolled_back is not a JSON object");
    assert_eq!(rendered(&document), text);
}

#[test]
fn what_an_earlier_rollback_hid_does_not_come_back_with_the_next() {
    let mut document = read(r#"{"credential_pool_runtime_rolled_back": {"acme": {"a1": {}}}}"#);
    document.hide_records();
    assert_eq!(rendered(&document), r#"{"credential_pool_compat": {"layout": "inline"}}"#);
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let document = read(r#"{"credential_pool": {"acme": [{"id": "a1", "access_token": "canary"}]}}"#);
    let entries = document.entries(&acme());
    let printed = format!("{document:?} {entries:?} {:?}", List::read(&entries.render()));
    assert!(!printed.contains("canary"), "{printed}");
}

/// The members of an object in a text as they are spelled, but for some.
fn spelled_but(text: &str, path: &[&str], names: &[&str]) -> Vec<(String, String)> {
    let mut object = object(text);
    for name in path {
        object = object.get(name).and_then(Object::read).expect("an object");
    }
    let others = object.members().filter(|(key, _)| !names.iter().any(|name| key.says(name)));
    others.map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned())).collect()
}

#[test]
fn a_source_is_suppressed_once_and_lifted_without_a_trace() {
    let text = "{\n  \"version\": 1,\n  \"providers\": {}\n}\n";
    let mut document = read(text);
    let source = pool_core::Source::new("claude_code");
    assert!(document.suppress(&acme(), &source));
    let once = rendered(&document);
    assert!(
        once.contains("\"suppressed_sources\": {\n    \"acme\": [\n      \"claude_code\"\n    ]\n  }"),
        "{once}"
    );
    assert!(document.suppress(&acme(), &source));
    assert_eq!(rendered(&document), once);
    assert_eq!(document.suppressed_sources(), [(acme(), source.clone())]);
    document.lift_suppression(&acme(), &source);
    assert_eq!(rendered(&document), text);
}

#[test]
fn what_else_is_suppressed_stays_as_it_is_spelled() {
    let text =
        r#"{"suppressed_sources": {"acme": ["env:A" , 7, "env:\u0042"], "other": "odd", "third": []}}"#;
    let mut document = read(text);
    let words: Vec<_> =
        document.suppressed_sources().into_iter().map(|(_, source)| source.to_string()).collect();
    assert_eq!(words, ["env:A", "env:B", "odd"]);
    assert_eq!(document.unknown_suppressions(), ["suppressed_sources.acme"], "7 is no source");
    document.lift_suppression(&acme(), &pool_core::Source::new("env:C"));
    document.lift_suppression(&provider("other"), &pool_core::Source::new("even"));
    assert_eq!(rendered(&document), text);
    document.lift_suppression(&acme(), &pool_core::Source::new("env:B"));
    let left = rendered(&document);
    assert!(left.contains(r#""env:A""#) && left.contains('7') && !left.contains("0042"), "{left}");
    assert!(left.contains(r#""other": "odd", "third": []"#), "{left}");
}

#[test]
fn what_has_another_shape_is_not_written_over() {
    for text in [
        r#"{"suppressed_sources": []}"#,
        r#"{"suppressed_sources": {"acme": {"a": 1}}}"#,
        r#"{"suppressed_sources": 7}"#,
    ] {
        let mut document = read(text);
        assert!(!document.suppress(&acme(), &pool_core::Source::new("env:A")), "{text}");
        document.lift_suppression(&acme(), &pool_core::Source::new("env:A"));
        assert_eq!(rendered(&document), text);
        assert_eq!(document.suppressed_sources(), []);
    }
    assert_eq!(
        read(r#"{"suppressed_sources": {"acme": {"a": 1}, "b": null, "c": "x", "d": []}}"#)
            .unknown_suppressions(),
        ["suppressed_sources.acme"]
    );
    assert_eq!(read(r#"{"suppressed_sources": 7}"#).unknown_suppressions(), ["suppressed_sources"]);
    let mut null = read(r#"{"suppressed_sources": null}"#);
    assert!(null.suppress(&acme(), &pool_core::Source::new("env:A")));
}

#[test]
fn letter_case_and_a_list_of_one_make_no_difference_to_what_is_suppressed() {
    let source = |word: &str| pool_core::Source::new(word);
    let mut document = read(r#"{"suppressed_sources": {"Acme": "ENV:A", "acme": "env:b"}}"#);
    let before = rendered(&document);
    assert!(document.suppress(&acme(), &source("env:A")));
    assert_eq!(rendered(&document), before, "it is there");
    assert!(document.suppress(&acme(), &source("env:C")));
    assert!(rendered(&document).contains(r#""Acme": "ENV:A""#));
    let words: Vec<_> = document.suppressed_sources().into_iter().map(|(_, word)| word.to_string()).collect();
    assert_eq!(words, ["ENV:A", "env:b", "env:C"]);
    for word in ["env:a", "env:B", "Env:c"] {
        document.lift_suppression(&acme(), &source(word));
    }
    assert_eq!(rendered(&document), "{}");
}
