//! The page: one self-contained HTML file without scripts, fonts or links.

use super::Report;
use super::chart::escape;
use super::page;

/// The whole document.
#[must_use]
pub fn html(report: &Report) -> String {
    let title = format!("gridpact: {}", report.run().scenario);
    let sections = [
        page::headline::section(report),
        page::schedule::section(report),
        page::community::section(report),
        page::share::section(report),
        page::gains::section(report),
        page::money::section(report),
        page::negotiation::section(report),
        page::chain::section(report),
    ];
    document(&title, &sections)
}

/// A whole document of sections, with the page's style sheet.
#[must_use]
pub fn document(title: &str, sections: &[String]) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}\n</main>\n</body>\n</html>\n",
        escape(title),
        page::STYLE,
        sections.join("\n"),
    )
}
