use super::*;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("listable")
        .map(|entry| entry.expect("listable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn our_own_directory_is_replaced() {
    let tmp = tempfile::tempdir().expect("tmp");
    let path = tmp.path().join("deep/out");
    let out = OutDir::prepare(&path).expect("created");
    out.write("summary.json", b"{}").expect("written");
    fs::write(out.chain().join("0001.log"), b"old").expect("written");
    fs::write(path.join("report.html.unfinished"), b"torn").expect("written");
    drop(out);
    let again = OutDir::prepare(&path).expect("ours");
    assert_eq!(names(&path), [MARKER, CHAIN]);
    assert!(names(&again.chain()).is_empty());
}

#[test]
fn an_empty_directory_is_taken() {
    let tmp = tempfile::tempdir().expect("tmp");
    OutDir::prepare(tmp.path()).expect("empty is nobody's");
    assert_eq!(names(tmp.path()), [MARKER, CHAIN]);
}

#[test]
fn foreign_directories_are_refused_untouched() {
    let refuse = |place: &dyn Fn(&Path)| {
        let tmp = tempfile::tempdir().expect("tmp");
        place(tmp.path());
        let before = names(tmp.path());
        let error = OutDir::prepare(tmp.path()).expect_err("foreign").to_string();
        assert_eq!(names(tmp.path()), before);
        error
    };
    let put = |dir: &Path, name: &str| fs::write(dir.join(name), b"x").expect("written");
    assert!(refuse(&|dir| put(dir, "thesis.docx")).contains("it holds thesis.docx"));
    assert!(refuse(&|dir| put(dir, "summary.json")).contains("without .gridpact-out"));
    let ours_and_more = refuse(&|dir| {
        put(dir, MARKER);
        put(dir, "notes.md");
    });
    assert!(ours_and_more.contains("it holds notes.md"));
    let in_chain = refuse(&|dir| {
        put(dir, MARKER);
        fs::create_dir(dir.join(CHAIN)).expect("made");
        put(dir, "chain/wallet.key");
    });
    assert!(in_chain.contains("chain/wallet.key"));
}

#[test]
fn a_file_in_the_way_and_a_run_in_progress_are_said() {
    let tmp = tempfile::tempdir().expect("tmp");
    let file = tmp.path().join("out");
    fs::write(&file, b"x").expect("written");
    assert!(matches!(OutDir::prepare(&file), Err(ReportError::NotADirectory(_))));
    let dir = tmp.path().join("busy");
    let held = OutDir::prepare(&dir).expect("created");
    assert!(matches!(OutDir::prepare(&dir), Err(ReportError::Busy(_))));
    drop(held);
    OutDir::prepare(&dir).expect("released");
}
