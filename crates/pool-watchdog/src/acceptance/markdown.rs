//! Reads Markdown.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::document::{Block, Builder};
use super::html;

/// Reads what a text in Markdown says. Code blocks, comments and front matter say nothing.
pub(super) fn read(text: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, options) {
        reader.take(event);
    }
    reader.builder.build()
}

#[derive(Default)]
struct Reader {
    builder: Builder,
    is_silent: bool,
    is_head: bool,
    html: String,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) if !self.is_silent => self.builder.text(&text),
            Event::Html(html) => self.html.push_str(&html),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.builder.text(" "),
            Event::SoftBreak | Event::HardBreak => self.builder.text(" "),
            Event::Rule => self.builder.cut(),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::CodeBlock(_) | Tag::MetadataBlock(_) => {
                self.builder.cut();
                self.is_silent = true;
            }
            Tag::Heading { level, .. } => self.builder.begin_heading(*level as usize),
            Tag::List(_) => {
                self.builder.begin_list();
                self.builder.introduce();
            }
            Tag::Paragraph | Tag::Item | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_) => {
                self.builder.cut();
            }
            Tag::Table(_) => self.builder.begin_table(),
            Tag::TableHead | Tag::TableRow => {
                self.is_head = *tag == Tag::TableHead;
                self.builder.begin_row();
            }
            Tag::TableCell => self.builder.begin_cell(self.is_head),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::CodeBlock | TagEnd::MetadataBlock(_) => self.is_silent = false,
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                self.builder.append(html::read(&html).unwrap_or_default());
            }
            TagEnd::Heading(_) => self.builder.end_heading(),
            TagEnd::List(_) => self.builder.end_list(),
            TagEnd::Paragraph | TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition => {
                self.builder.cut();
            }
            TagEnd::TableCell => self.builder.end_cell(),
            TagEnd::Table => self.builder.end_table(),
            _ => {}
        }
    }
}
