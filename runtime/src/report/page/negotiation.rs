//! How long negotiations took in real time (protocol R2), epoch by epoch.

use super::super::Report;
use super::super::chart::{Bar, Chart, Layer, Up, typeset};
use super::super::units::{count, decimal, milliseconds};
use super::{figure, section as page_section, several, whole};

/// The section.
pub fn section(report: &Report) -> String {
    let (summary, run) = (report.summary(), report.run());
    let across = whole(report);
    let bars: Vec<Bar> = run
        .epochs
        .iter()
        .filter_map(|epoch| {
            let at = epoch.interval.checked_sub(run.calendar.first_interval)? as usize;
            let ms = epoch.negotiation_us? as f64 / 1e3;
            let label = format!(
                "{} for {}, {}",
                milliseconds(Some(ms)),
                several(epoch.tasks, "task", "tasks"),
                several(epoch.negotiation_messages, "message", "messages")
            );
            let inside = at < run.calendar.intervals as usize;
            inside.then(|| Bar {
                class: "time",
                from: across.edge(at),
                to: across.edge(at + 1),
                height: ms,
                label,
            })
        })
        .collect();
    let time = summary.negotiation_ms;
    let measured = run.epochs.iter().filter(|epoch| epoch.negotiation_us.is_some()).count();
    let mut layers = vec![Layer::Bars(bars)];
    if let Some(mean) = time.mean {
        layers.push(Layer::Rule {
            class: "ink",
            at: mean,
            label: format!("mean {}", milliseconds(Some(mean))),
        });
    }
    let sentence = match time.mean {
        None => "No epoch had tasks to negotiate.".to_owned(),
        mean => format!(
            "Mean {}, median {}, 95 % within {}, 99 % within {}, over {} with tasks.",
            milliseconds(mean),
            milliseconds(time.p50),
            milliseconds(time.p95),
            milliseconds(time.p99),
            several(measured as u64, "epoch", "epochs"),
        ),
    };
    let chart = Chart {
        id: "negotiation".into(),
        title: "Negotiation time per epoch".into(),
        description: sentence.clone(),
        across,
        up: Up { unit: "ms".into(), range: None, tick: decimal, whole: false },
        layers,
        height: 240.0,
    };
    let caption = format!(
        "{sentence} Real milliseconds from an epoch's first negotiation request to its last answer, for all buyers and \
         sellers together on this machine; {} messages in all. Waiting for deadlines is not in it.",
        count(summary.negotiation_messages),
    );
    let lead = "From the first request to the last answer, in each trading epoch.";
    page_section(
        "negotiation",
        "How long bargaining took",
        lead,
        &figure(&chart, &[], &typeset(&caption)),
    )
}
