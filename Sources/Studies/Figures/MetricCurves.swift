import Foundation
import Runs
import Training

/// What runs logged, as curves: `metrics.jsonl` read back.
public enum MetricCurves {
  /// The chart of one metric.
  /// - Parameters:
  ///   - groups: runs under a common name, shown as their mean with a band from the least to the largest.
  ///   - smoothing: steps that a running mean goes over.
  /// - Throws: `RunError` where a run has no log; `ExperimentError.noSuchMetric`, or `.cannotCompare` where the runs
  ///   of a group have no step in common.
  public static func chart(_ metric: String, of groups: [NamedRuns], smoothing: Int) throws -> LineChart {
    let series = try groups.map { group in
      let curves = try group.runs.map { try curve(metric, of: $0, smoothing: smoothing) }
      // At the steps that all of them have.
      let steps = curves.dropFirst().reduce(Set(curves[0].keys)) { $0.intersection($1.keys) }.sorted()
      guard !steps.isEmpty else {
        throw ExperimentError.cannotCompare(
          "\(group.name): its runs logged '\(metric)' at no step that all of them have, so that there is no mean; draw them one by one"
        )
      }
      let ends = curves.compactMap { $0.keys.max() }
      if Set(ends).count > 1 {
        Observer.warn(
          "\(group.name): its runs end at different steps, \(ends.map(String.init).joined(separator: ", ")); the mean is of the steps that all have, and ends at \(steps.last!)"
        )
      }
      return LineChart.Series(
        group.name,
        steps.map { step in
          let values = curves.map { $0[step]! }
          let isBand = values.count > 1
          return .init(
            x: Double(step), y: values.mean, low: isBand ? values.min() : nil, high: isBand ? values.max() : nil)
        })
    }
    return LineChart(
      title: metric, xLabel: "gradient steps", yLabel: smoothing > 1 ? "mean over \(smoothing) steps" : "",
      series: series)
  }

  private static func curve(_ metric: String, of run: URL, smoothing: Int) throws -> [Int: Double] {
    let lines = try MetricsLog.lines(of: run)
    let points = lines.compactMap { line in
      line[metric].flatMap { value in line["step"].map { (step: Int($0), value: value) } }
    }
    guard !points.isEmpty else {
      throw ExperimentError.noSuchMetric(
        run.path, metric, known: Set(lines.flatMap(\.keys)).subtracting(["step", "time"]).sorted())
    }
    var (smoothed, first, sum) = ([Int: Double](), 0, 0.0)
    for (index, point) in points.enumerated() {
      sum += point.value
      while points[first].step <= point.step - smoothing, first < index {
        sum -= points[first].value
        first += 1
      }
      // Before that many steps are there, a mean over fewer would be another thing.
      if point.step >= smoothing || smoothing <= 1 { smoothed[point.step] = sum / Double(index - first + 1) }
    }
    return smoothed
  }
}
