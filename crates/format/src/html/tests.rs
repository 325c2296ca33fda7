//! Pages of links as registries write them, and as nobody should.

use proptest::prelude::*;

use super::*;

fn anchors(source: &str) -> Vec<(Option<String>, String)> {
    let page = Page::parse(source).unwrap();
    let seen = |a: &Anchor<'_>| (a.text("href").map(Cow::into_owned), a.content.to_owned());
    page.anchors.iter().map(seen).collect()
}

fn refused(source: &str) -> String {
    Page::parse(source).unwrap_err().to_string()
}

#[test]
fn attributes_are_read_in_every_spelling() {
    let source = "<A\n HREF='a&amp;b' data-one=1/2 data-two data-three = \"x>y\" =odd é=ü/>t</A >";
    let page = Page::parse(source).unwrap();
    let tag = &page.anchors[0].tag;
    let read: Vec<_> = tag.attributes.iter().map(|a| (a.name, a.raw, a.quote)).collect();
    assert_eq!(
        read,
        [
            ("HREF", "a&amp;b", Quote::Quoted),
            ("data-one", "1/2", Quote::Unquoted),
            ("data-two", "", Quote::Missing),
            ("data-three", "x>y", Quote::Quoted),
            ("=odd", "", Quote::Missing),
            ("é", "ü/", Quote::Unquoted),
        ]
    );
    assert_eq!(tag.text("href").as_deref(), Some("a&b"));
    for attribute in &tag.attributes {
        assert_eq!(&source[attribute.span.clone()], attribute.raw);
    }
    assert_eq!(page.anchors[0].element, 0..source.len());
}

#[test]
fn a_replaced_value_is_quoted_and_escaped_whatever_stood_there() {
    for source in ["<a x='1'>", "<a x=1>", "<a x>", "<a\tx = \"1\" y>"] {
        let page = Page::parse(source).unwrap();
        let attribute = page.anchors[0].attribute("x").unwrap();
        let mut edited = source.to_owned();
        edited.replace_range(attribute.span.clone(), &attribute.replacement("<'\"&>"));
        let again = Page::parse(&edited).unwrap();
        assert_eq!(again.anchors[0].text("x").as_deref(), Some("<'\"&>"), "{edited}");
    }
}

#[test]
fn an_attribute_can_be_inserted_behind_the_name() {
    for source in ["<a href=x>", "<a>", "<a/>", "<A\nhref>"] {
        let page = Page::parse(source).unwrap();
        let mut edited = source.to_owned();
        edited.insert_str(page.anchors[0].tag.insertion(), " data-yanked=\"\"");
        let again = Page::parse(&edited).unwrap();
        assert_eq!(again.anchors[0].tag.attributes[0].name, "data-yanked", "{edited}");
    }
}

#[test]
fn an_anchor_without_end_tag_ends_with_its_text() {
    let source = "<a href=1>one\n<a href=2>two<br></body>";
    let page = Page::parse(source).unwrap();
    assert_eq!(&source[page.anchors[0].element.clone()], "<a href=1>one");
    assert_eq!(&source[page.anchors[1].element.clone()], "<a href=2>two");
    assert_eq!(anchors("<a href=1>b<b>old</b></a>")[0].1, "b<b>old</b>");
    assert_eq!(anchors("<a href=1>end")[0].1, "end");
}

#[test]
fn an_entry_takes_its_line_with_it() {
    let entry = |source: &str| {
        let page = Page::parse(source).unwrap();
        let mut edited = source.to_owned();
        edited.replace_range(page.anchors[0].entry(source), "");
        edited
    };
    assert_eq!(entry("<h1>x</h1>\n  <a>1</a> <br />\n  <a>2</a>"), "<h1>x</h1>\n  <a>2</a>");
    assert_eq!(entry("<h1>x</h1>\r\n<a>1</a><BR>\r\n<p>"), "<h1>x</h1>\r\n<p>");
    assert_eq!(entry("<li><a>1</a></li>"), "<li></li>");
    assert_eq!(entry("x <a>1</a> <br/> y"), "x y");
    assert_eq!(entry("<a>1</a><broken>"), "<broken>");
}

#[test]
fn comments_scripts_and_declarations_hold_no_anchors() {
    let source = "<!DOCTYPE html><?xml?><!-- no -- link --><title>a < b</title>\
        <script>if (a<b) { '</scripted>' }</script><style>a{}</STYLE ><!--><a href=1>x</a>\
        <!--->--!></ >< 3 <5";
    assert_eq!(anchors(source), [(Some("1".to_owned()), "x".to_owned())]);
}

#[test]
fn what_parsers_could_disagree_about_is_refused() {
    for source in [
        "<!-- <a href=x> -->",
        "<!-- <A\nhref=x>",
        "<script>'<a href=x>'</script>",
        "<title><a href=x></title>",
        "<plaintext><a href=x>",
        "<b title='<a href=x>'>",
        "<a title='<a href=x>' href=y>",
        "</b <a href=x>",
        "<![CDATA[<a href=x>]]>",
        "<textarea><a/href=x>",
    ] {
        assert!(refused(source).starts_with("an anchor where there can be none"), "{source}");
    }
    assert_eq!(refused("1 <<a href=x>y</a>"), "a stray `<` before markup (at byte 2)");
    assert_eq!(refused("<a href='x"), "the page ends inside a tag (at byte 0)");
    assert_eq!(refused("ab<a href"), "the page ends inside a tag (at byte 2)");
    assert_eq!(refused("<a\0 href=x>"), "a page holds a NUL (at byte 2)");
    assert!(refused(&format!("<a{}>", " x".repeat(65))).contains("64 attributes"));
}

#[test]
fn bases_and_metas_are_seen() {
    let page = Page::parse("<meta name=a content='1.0'><BASE href='/x/'><a>").unwrap();
    assert_eq!(page.metas[0].text("content").as_deref(), Some("1.0"));
    assert_eq!(page.bases[0].text("href").as_deref(), Some("/x/"));
}

#[test]
fn of_two_equal_attributes_the_first_counts_and_both_are_noticed() {
    let page = Page::parse("<a href=1 HREF=2>").unwrap();
    assert_eq!(page.anchors[0].text("href").as_deref(), Some("1"));
    assert!(page.anchors[0].tag.has_duplicates());
}

#[test]
fn references_are_decoded_and_anything_else_is_left() {
    assert_eq!(unescape("&lt;&#62;&#x26;&quot;&apos;"), "<>&\"'");
    assert_eq!(unescape("a&b&copy;&#xD800;&#;&;&amp"), "a&b&copy;&#xD800;&#;&;&amp");
}

#[test]
fn text_is_what_stands_beside_the_tags() {
    assert!(has_text("<p>x</p>") && has_text("x"));
    assert!(!has_text("<!DOCTYPE html>\n<p class=\"x\">\n</p>") && !has_text(""));
}

proptest! {
    #[test]
    fn any_text_survives_escaping(text in any::<String>()) {
        prop_assert_eq!(unescape(&escape(&text)).into_owned(), text);
    }

    #[test]
    fn no_text_makes_the_reader_fail_badly(text in "[<>a!/ '\"=hé&;s\\-\\]cript\n]{0,60}") {
        if let Ok(page) = Page::parse(&text) {
            for anchor in &page.anchors {
                prop_assert!(text[anchor.element.clone()].starts_with(['<']));
                prop_assert!(text.get(anchor.entry(&text)).is_some());
            }
        }
    }

    #[test]
    fn what_goes_leaves_the_others_as_they_were(
        pieces in prop::collection::vec("<a href=[a-c]>|<a>|</a>|x|<|<br>|\n|<!--|-->|<p>", 0..12),
        which in any::<prop::sample::Index>(),
    ) {
        let text = pieces.concat();
        let Ok(page) = Page::parse(&text) else { return Ok(()) };
        if page.anchors.is_empty() {
            return Ok(());
        }
        let gone = which.index(page.anchors.len());
        let mut edited = text.clone();
        edited.replace_range(page.anchors[gone].entry(&text), "");
        let mut expected = anchors(&text);
        expected.remove(gone);
        let hrefs = |list: Vec<(Option<String>, String)>| list.into_iter().map(|a| a.0);
        prop_assert!(hrefs(anchors(&edited)).eq(hrefs(expected)), "{text:?} -> {edited:?}");
        let entries: Vec<_> = page.anchors.iter().map(|anchor| anchor.entry(&text)).collect();
        prop_assert!(entries.windows(2).all(|two| two[0].end <= two[1].start), "{text:?}");
    }
}
