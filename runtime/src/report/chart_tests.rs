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
fn charts_become_one_file_that_stands_alone() {
    let chart = |id: &str| Chart {
        id: id.into(),
        title: "tasks < homes".into(),
        description: String::new(),
        across: Across::Numbers { from: 0.0, to: 300.0, what: "homes".into() },
        up: Up { unit: "tasks".into(), range: None, tick: |n, _| n.to_string(), whole: true },
        layers: vec![Layer::Line { class: "peer", points: vec![(50.0, 160.0), (300.0, 970.0)] }],
        height: 200.0,
    };
    let svg = file(&[chart("a"), chart("b")]);
    assert_balanced(&svg);
    assert!(svg.starts_with("<svg xmlns=") && svg.contains("prefers-color-scheme:dark"));
    assert_eq!(svg.matches("tasks &lt; homes").count(), 4, "a title to see and one to hear, twice");
    // Shown small, a file is still itself: only a page has another drawing to fall back on.
    assert!(!svg.contains("max-width"));
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
