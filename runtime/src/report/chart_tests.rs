use super::*;
use crate::report::Report;
use crate::report::sample::a_run;

/// Enough of an XML reader to see that every element is closed in order.
fn assert_balanced(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in markup.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every tag ends");
        let name = tag.split([' ', '\n']).next().unwrap_or(tag);
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') || name.starts_with('!') || name == "meta" => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn a_page_is_whole_and_stands_alone() {
    let mut run = a_run(25, 2, 4);
    run.scenario = "<script>alert(1)</script>".into();
    let page = Report::new(run).expect("the sample is consistent").html();
    assert_balanced(&page);
    assert!(!page.contains("<script"));
    for outside in ["http:", "https:", "url(", "@import", " src=", " href="] {
        assert!(!page.contains(outside), "the page reaches out by {outside}");
    }
    for need in ["prefers-color-scheme:dark", "width=device-width", "moves no physical power"] {
        assert!(page.contains(need), "{need} is missing");
    }
    assert!(!page.contains("NaN") && !page.contains("inf"), "a drawing is broken");
}

#[test]
fn a_band_is_drawn_only_where_it_has_height() {
    let chart = Chart {
        id: "t".into(),
        title: "a & b".into(),
        description: String::new(),
        across: Across::Hours { start: 0.0, step: 1.0, count: 4 },
        up: Up { unit: "kW".into(), range: None, tick: |kw, _| kw.to_string(), whole: false },
        layers: vec![Layer::Band {
            class: "pv",
            low: vec![0.0; 4],
            high: vec![1.0, 0.0, 2.0, 2.0],
        }],
        height: 200.0,
    };
    let svg = chart.svg();
    assert_balanced(&svg);
    assert!(svg.contains("a &amp; b"));
    let band = svg.split("class=\"a pv\" d=\"").nth(1).and_then(|rest| rest.split('"').next());
    let shapes = band.map(|path| path.matches('Z').count());
    assert_eq!(shapes, Some(2), "one shape per run of intervals");
}

#[test]
fn a_page_says_how_it_counts() {
    let mut run = a_run(10, 1, 4);
    let by_profile = Report::new(run.clone()).expect("the sample is consistent").html();
    assert!(by_profile.contains("meter both saw it"));
    run.block_shape = crate::report::run::BlockShape::Energy;
    let by_energy = Report::new(run).expect("the sample is consistent");
    assert!(by_energy.html().contains("All contracted energy counts as delivered here"));
    assert!(by_energy.table().contains("as contracted"));
}
