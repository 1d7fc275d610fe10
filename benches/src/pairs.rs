use std::time::{Duration, Instant};

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;

/// Times of a thing and of its floor, measured in turn, so that whatever else the machine does hits both alike.
#[derive(Debug, Default)]
pub struct Pairs(Vec<(Duration, Duration)>);

impl Pairs {
    /// Runs the floor, then the thing; answers how long the thing took.
    pub fn measure<F, T>(&mut self, floor: impl FnOnce() -> F, thing: impl FnOnce() -> T) -> Duration {
        let pair = (timed(floor), timed(thing));
        self.0.push(pair);
        pair.1
    }

    /// Prints the median of both and of their ratio, with the tenth and ninetieth percentile; nothing where criterion was told to leave
    /// it out.
    #[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
    pub fn print(&self, name: &str) {
        if self.0.is_empty() {
            return;
        }
        let [floor, thing] = [|pair: &(Duration, Duration)| pair.0, |pair: &(Duration, Duration)| pair.1]
            .map(|of| self.0.iter().map(|pair| of(pair).as_secs_f64()).collect::<Vec<f64>>());
        let ratios: Vec<f64> = floor.iter().zip(&thing).map(|(floor, thing)| thing / floor).collect();
        println!(
            "ratio {name}: {:.2} (p10 {:.2}, p90 {:.2}); thing {:.1?}, floor {:.1?}, {} pairs",
            quantile(&ratios, 0.5),
            quantile(&ratios, 0.1),
            quantile(&ratios, 0.9),
            Duration::from_secs_f64(quantile(&thing, 0.5)),
            Duration::from_secs_f64(quantile(&floor, 0.5)),
            ratios.len(),
        );
    }
}

/// How long a run takes; what it made is dropped outside of that time.
fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    let made = run();
    let took = begun.elapsed();
    drop(made);
    took
}

/// The value that so great a part of all is not above.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Lets criterion measure a thing, and prints how it compares with its floor. Each run gets what `prepare` made for it.
pub fn bench_pair<P, F, T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut prepare: impl FnMut() -> P,
    mut floor: impl FnMut(&mut P) -> F,
    mut thing: impl FnMut(&mut P) -> T,
) {
    let mut pairs = Pairs::default();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                let (mut one, mut two) = (prepare(), prepare());
                total += pairs.measure(|| floor(&mut one), || thing(&mut two));
            }
            total
        });
    });
    pairs.print(name);
}
