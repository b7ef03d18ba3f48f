//! Writes the raw figures and the plots to `target/bench/`.

use std::{fmt::Write, fs, path::Path, process::Command};

use crate::{
    report::{Chart, Report, Spread},
    support::tools::repository,
};

/// The length of the longest bar of a text plot.
const WIDTH: f64 = 50.0;

/// Writes `results.json`, `plot.txt` and, if gnuplot is installed, `plot.png`.
pub fn write(report: &Report) {
    let dir = repository("target/bench");
    fs::create_dir_all(&dir).expect("target/bench");
    let json = serde_json::to_string_pretty(report).expect("JSON");
    fs::write(dir.join("results.json"), json).expect("results.json");
    let text: String = report.charts.iter().map(in_text).collect();
    fs::write(dir.join("plot.txt"), text).expect("plot.txt");
    let kinds = if png(&report.charts, &dir) { "txt,png" } else { "txt" };
    eprintln!("{}/results.json, plot.{{{kinds}}}", dir.display());
}

/// Returns a text plot with one bar per contestant. The length of a bar is the median.
fn in_text(chart: &Chart) -> String {
    let longest = chart.bars.iter().map(|(_, spread)| spread.median).fold(0.0, f64::max);
    let mut text = format!("{}\n", chart.title);
    for (name, Spread { min, median, max }) in &chart.bars {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to WIDTH")]
        let length = (median / longest * WIDTH).ceil() as usize;
        let bar = "█".repeat(length);
        writeln!(text, "  {name:<36}{median:>9.2}  {bar}  ({min:.2} to {max:.2})").expect("text");
    }
    text + "\n"
}

/// Draws the charts with gnuplot. Returns false if there are no charts, or gnuplot fails.
fn png(charts: &[Chart], dir: &Path) -> bool {
    if charts.is_empty() {
        return false;
    }
    let mut script = format!(
        "set terminal pngcairo noenhanced size 1100,{}\n\
         set output '{}'\n\
         set multiplot layout {},1\n\
         set style data boxxyerror\n\
         set style fill solid 0.6\n\
         set grid x\nset xrange [0:]\nunset key\n",
        340 * charts.len(),
        dir.join("plot.png").display(),
        charts.len(),
    );
    for chart in charts {
        let count = chart.bars.len();
        let mut names = String::new();
        let mut data = String::new();
        for (at, (name, spread)) in chart.bars.iter().enumerate() {
            let y = count - at;
            let comma = if at == 0 { "" } else { ", " };
            write!(names, "{comma}'{name}' {y}").expect("text");
            let Spread { min, median, max } = spread;
            writeln!(data, "{y} {min} {median} {max}").expect("text");
        }
        write!(
            script,
            "set title '{}'\nset ytics ({names})\nset yrange [0.4:{count}.6]\n\
             $data << END\n{data}END\n\
             plot $data using ($3/2):1:($3/2):(0.35) with boxxyerror linecolor rgb '#4477aa', \
             $data using 3:1:2:4 with xerrorbars linecolor rgb 'black' pointtype 0\n",
            chart.title
        )
        .expect("text");
    }
    let file = dir.join("plot.gnuplot");
    fs::write(&file, script).expect("plot.gnuplot");
    Command::new("gnuplot").arg(&file).status().is_ok_and(|status| status.success())
}
