//! The community's bill in the three runs, item by item.

use super::super::Report;
use super::super::bill::Bill;
use super::super::chart::typeset;
use super::super::summary::community;
use super::super::units::decimal;
use super::section as page_section;

/// The section.
pub fn section(report: &Report) -> String {
    let bills = report.bills();
    let runs = [
        community(bills, |site| site.uncontrolled),
        community(bills, |site| site.local),
        community(bills, |site| site.trading),
    ];
    let rows = [
        row("Energy from the grid", &runs, |bill| bill.grid_import, ""),
        row("Energy to the grid", &runs, |bill| bill.grid_export, ""),
        row("Between prosumers", &runs, |bill| bill.trade, ""),
        row("Network fee on P2P energy", &runs, |bill| bill.fee, ""),
        row("Wear of batteries and vehicles", &runs, |bill| bill.wear, ""),
        row("Change of stored energy", &runs, |bill| bill.stored, ""),
        row("Cost", &runs, Bill::total, " class=\"sum\""),
    ];
    let body = format!(
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">A</th>\
         <th scope=\"col\">B</th><th scope=\"col\">C</th></tr></thead><tbody>{}</tbody></table></div>\
         <p class=\"note\">Income is negative. What prosumers pay each other cancels out. A fuller store at the \
         end counts as income at what it costs to refill it, an emptier one as cost, so that nobody saves \
         by selling yesterday's charge.</p>",
        typeset(&report.run().currency),
        rows.concat()
    );
    let lead = "All homes together: A no storage control, B local schedules, C trading.";
    page_section("money", "What it cost", lead, &body)
}

fn row(label: &str, runs: &[Bill; 3], of: fn(&Bill) -> i64, attributes: &str) -> String {
    let cells: String = runs
        .iter()
        .map(|bill| format!("<td>{}</td>", typeset(&decimal(of(bill) as f64 / 1e6, 2))))
        .collect();
    format!("<tr{attributes}><th scope=\"row\">{}</th>{cells}</tr>", typeset(label))
}
