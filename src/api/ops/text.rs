//! The text format of Prometheus (version 0.0.4).

use std::fmt::{Display, Write as _};

use crate::api::adapter::measure::{BOUNDS, Times};

/// Metrics as text; each is described before its samples.
#[derive(Default)]
pub struct Text(String);

/// What a number does.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Numbers in buckets.
    Histogram,
}

impl Text {
    /// A metric of one number.
    pub fn one(&mut self, kind: Kind, name: &str, help: &str, value: impl Display) {
        self.describe(kind, name, help);
        self.sample(name, "", value);
    }

    /// What a metric is; its samples follow.
    pub fn describe(&mut self, kind: Kind, name: &str, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One number with its labels, as `a="1",b="2"`; our own names, which need no escapes.
    pub fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{labels}}} {value}")
        };
    }

    /// Times with these labels, in seconds; nothing if there are none.
    pub fn times(&mut self, name: &str, labels: &str, times: &Times) {
        let level = times.level();
        let [.., all] = level.up_to;
        if all == 0 {
            return;
        }
        for (bound, count) in BOUNDS.iter().zip(level.up_to) {
            let _ = writeln!(self.0, "{name}_bucket{{{labels},le=\"{}\"}} {count}", seconds(*bound));
        }
        let _ = writeln!(self.0, "{name}_bucket{{{labels},le=\"+Inf\"}} {all}");
        let _ = writeln!(self.0, "{name}_sum{{{labels}}} {}", level.sum.as_secs_f64());
        let _ = writeln!(self.0, "{name}_count{{{labels}}} {all}");
    }

    /// The whole.
    pub fn whole(self) -> String {
        self.0
    }
}

/// Microseconds as seconds without needless zeros.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.one(Kind::Gauge, "a", "Help.", 1);
        let times = Times::default();
        text.times("b", "x=\"1\"", &times);
        times.add(std::time::Duration::from_millis(3));
        text.times("b", "x=\"1\"", &times);
        let text = text.whole();
        assert!(text.starts_with("# HELP a Help.\n# TYPE a gauge\na 1\nb_bucket{x=\"1\",le=\"0.0005\"} 0\n"), "{text}");
        assert!(text.contains("b_bucket{x=\"1\",le=\"0.005\"} 1\n") && text.contains("le=\"1\"} 1\n"), "{text}");
        assert!(
            text.ends_with("b_bucket{x=\"1\",le=\"+Inf\"} 1\nb_sum{x=\"1\"} 0.003\nb_count{x=\"1\"} 1\n"),
            "{text}"
        );
    }
}
