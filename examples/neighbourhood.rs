//! The source's experiment: how many tasks a neighbourhood of N prosumers has, and how long its
//! bargaining takes, for N = 50 to 300.
//!
//! `cargo run --release --example neighbourhood [MOST] [FIGURE.svg]` goes up to N = MOST (100 takes
//! seconds, 300 a minute or two) and draws the figure.

use std::error::Error;
use std::path::{Path, PathBuf};

use gridpact::report::chart::{self, Across, Bar, Chart, Layer, Up};
use gridpact::report::units::{count, decimal, milliseconds, percent};
use gridpact::report::{OutDir, Report, Summary};
use gridpact::sim;
use gridpact::sim::scenario::{Overrides, Scenario};

/// The sizes of the source's figure.
const SIZES: [u32; 4] = [50, 100, 200, 300];
/// What the source reports for 300 prosumers.
const SOURCE_MS: f64 = 700.0;
/// The experiment is about bargaining, so only a few homes vote on the chain.
const VALIDATORS: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let most = args.next().map_or(Ok(100), |text| text.parse())?;
    let figure = args.next().map_or_else(|| PathBuf::from("neighbourhood.svg"), PathBuf::from);
    let sizes: Vec<u32> = SIZES.into_iter().filter(|size| *size <= most).collect();
    run(&sizes, &figure).map(|_| ())
}

/// Runs every size, prints a line for each and draws the figure.
pub fn run(sizes: &[u32], figure: &Path) -> Result<Vec<Summary>, Box<dyn Error>> {
    if sizes.is_empty() {
        return Err(format!("nothing to run: the sizes are {SIZES:?}").into());
    }
    println!("homes  tasks  contracts  letters  negotiation: mean      p95  P2P share");
    let mut results = Vec::new();
    for size in sizes {
        let result = neighbourhood(*size)?;
        println!(
            "{:>5}  {:>5}  {:>9}  {:>7}  {:>17}  {:>7}  {:>9}",
            result.prosumers,
            count(result.tasks),
            count(result.final_contracts),
            count(result.negotiation_messages),
            milliseconds(result.negotiation_ms.mean),
            milliseconds(result.negotiation_ms.p95),
            percent(result.p2p_share),
        );
        results.push(result);
    }
    std::fs::write(figure, chart::file(&[tasks(&results), negotiation(&results)]))?;
    println!(
        "\nOne pass bargains for the whole day, so mean and p95 are of one negotiation: from the\n\
         first request to the last answer of all homes, in real time. The source reports about\n\
         {SOURCE_MS} ms for 300 prosumers, on another platform and a machine we do not know: compare\n\
         the shapes, not the times.\nThe figure: {}",
        figure.display()
    );
    Ok(results)
}

/// One day of `size` homes in the source's setting.
fn neighbourhood(size: u32) -> Result<Summary, Box<dyn Error>> {
    let flags =
        Overrides { prosumers: Some(size), validators: Some(VALIDATORS), ..Overrides::default() };
    let mut scenario = Scenario::preset("paper")?.apply(&flags)?;
    scenario.verifier.signature_sweep = false;
    let name = format!("gridpact-neighbourhood-{}-{size}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    let out = OutDir::prepare(&dir)?;
    let run = sim::world::run(&scenario, sim::build(&scenario)?, &out.chain(), &|_, _| {});
    drop(out);
    std::fs::remove_dir_all(&dir)?;
    Ok(Report::new(run?)?.summary().clone())
}

fn tasks(results: &[Summary]) -> Chart {
    let of = |result: &Summary| (result.tasks as f64, count(result.tasks));
    chart("tasks", "Tasks of one day".to_owned(), "tasks", bars("peer", results, of), results)
}

fn negotiation(results: &[Summary]) -> Chart {
    let of = |result: &Summary| {
        let mean = result.negotiation_ms.mean;
        (mean.unwrap_or(0.0), milliseconds(mean))
    };
    let title = format!("Time to negotiate all of them (the source: about {SOURCE_MS} ms for 300)");
    chart("negotiation", title, "ms", bars("run-b", results, of), results)
}

fn bars(class: &'static str, results: &[Summary], of: impl Fn(&Summary) -> (f64, String)) -> Layer {
    let bar = |result: &Summary| {
        let (homes, (height, label)) = (result.prosumers as f64, of(result));
        Bar { class, from: homes - 12.0, to: homes + 12.0, height, label }
    };
    Layer::Bars(results.iter().map(bar).collect())
}

fn chart(id: &str, title: String, unit: &str, layer: Layer, results: &[Summary]) -> Chart {
    let most = results.iter().map(|result| result.prosumers).max().unwrap_or(0) as f64;
    Chart {
        id: id.to_owned(),
        description: format!("{title}, against the number of homes"),
        title,
        across: Across::Numbers { from: 0.0, to: most + 25.0, what: "homes".into() },
        up: Up { unit: unit.to_owned(), range: None, tick: decimal, whole: false },
        layers: vec![layer],
        height: 240.0,
    }
}
