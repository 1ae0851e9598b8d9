import Foundation
import Imitation

/// What agents are compared over.
public enum ReportAxis: String, Codable, CaseIterable, Sendable {
  case episodes, horizon

  var name: String { self == .episodes ? "expert episodes" : "horizon" }

  func value(of agent: AgentFacts) -> Int? { self == .episodes ? agent.expertEpisodes : agent.horizon }
}

/// Evaluations of many agents as one table and one picture: a line for each method, a point for each number of expert episodes or horizon, the mean of its
/// seeds ± 1 standard error. Source of the pictures' style: DITTO, figures 2 and 3.
public struct Report: Codable, Sendable {
  /// Agents that differ in nothing but their seeds.
  public struct Point: Codable, Sendable {
    public let line: String
    public let x: Int
    /// Of the agents' mean returns.
    public let mean: Double
    /// Standard error of that mean, over the agents; absent for a single one.
    public let se: Double?
    /// Mean returns of the agents, by their seeds' order.
    public let means: [Double]
    public let gradientSteps: Int
    /// Of training, the mean of the agents.
    public let seconds: Double
  }

  public let environment: String
  public let axis: ReportAxis
  /// Episodes that each agent was evaluated on.
  public let episodes: Int
  public let points: [Point]
  /// Mean returns of players that learn nothing, such as the expert's.
  public let levels: [String: Double]
  /// Agents whose checkpoint was chosen by its returns in the environment.
  public let chosenOnline: [String]

  /// - Parameters:
  ///   - files: results of `ditto evaluate --json`; those without an agent are levels.
  /// - Throws: `RunError.cannotRead` for a file that is none; `ExperimentError.cannotCompare`.
  public init(_ files: [URL], over axis: ReportAxis) throws {
    let results = try files.map { file -> EvaluationResult in
      do {
        return try JSONDecoder().decode(EvaluationResult.self, from: Data(contentsOf: file))
      } catch {
        throw RunError.cannotRead(file.path, reason: "it is no result of 'ditto evaluate --json'")
      }
    }
    let agents = zip(files, results).compactMap { file, result in result.agent.map { (file: file, result: result, facts: $0) } }
    guard let first = agents.first else { throw ExperimentError.cannotCompare("none of the files is the evaluation of an agent") }
    for (file, result) in zip(files, results) {
      guard result.environment == first.result.environment, result.seed == first.result.seed, result.agent == nil || result.returns.count == first.result.returns.count
      else { throw ExperimentError.cannotCompare("\(file.path) was evaluated on other episodes than \(first.file.path)") }
    }
    let lines = Dictionary(grouping: agents) { $0.facts.label }.flatMap { label, agents -> [(line: String, agents: [(file: URL, result: EvaluationResult, facts: AgentFacts)])] in
      let bySteps = Dictionary(grouping: agents) { $0.facts.gradientSteps }
      return bySteps.map { (bySteps.count == 1 ? label : "\(label), \($0.key) steps", $0.value) }
    }.sorted { $0.line < $1.line }
    points = try lines.flatMap { line, agents in
      let byX = try Dictionary(grouping: agents) { agent in
        guard let x = axis.value(of: agent.facts) else { throw ExperimentError.cannotCompare("\(agent.file.path): method '\(agent.facts.method)' has no \(axis.name)") }
        return x
      }
      return try byX.sorted { $0.key < $1.key }.map { x, agents in
        let agents = agents.sorted { $0.facts.seed < $1.facts.seed }
        guard Set(agents.map(\.facts.seed)).count == agents.count else {
          throw ExperimentError.cannotCompare("\(agents[0].file.path) and others are of the same seed at \(x) \(axis.name)")
        }
        let means = agents.map(\.result.mean)
        return Point(
          line: line, x: x, mean: means.mean, se: means.count > 1 ? (means.variance / Double(means.count)).squareRoot() : nil, means: means,
          gradientSteps: agents[0].facts.gradientSteps, seconds: agents.map(\.facts.seconds).mean)
      }
    }
    (environment, self.axis, episodes) = (first.result.environment, axis, first.result.returns.count)
    levels = Dictionary(results.filter { $0.agent == nil }.map { ($0.player, $0.mean) }) { $1 }
    chosenOnline = agents.filter { $0.facts.selectedBy == .online }.map(\.file.lastPathComponent)
  }

  private var lines: [String] { points.map(\.line).reduce(into: []) { if $0.last != $1 { $0.append($1) } } }
  private var xs: [Int] { Set(points.map(\.x)).sorted() }
}

extension AgentFacts {
  /// The method, with the rewards where they are not its own.
  var label: String {
    guard let rewards, rewards != (method == .ditto ? ["dot": 1] : ["gail": 1]) else { return method.rawValue }
    let sum = rewards.sorted { $0.key < $1.key }.map { $0.value == 1 ? $0.key : String(format: "%g %@", $0.value, $0.key) }
    return "\(method.rawValue) \(sum.joined(separator: " + "))"
  }
}

extension Report: CustomStringConvertible {
  public var description: String {
    let rows = lines.map { line -> [String] in
      let own = points.filter { $0.line == line }
      let cells = xs.map { x -> String in
        guard let point = own.first(where: { $0.x == x }) else { return "" }
        return String(format: "%.1f", point.mean) + (point.se.map { String(format: " ± %.1f", $0) } ?? "") + " (\(point.means.count))"
      }
      return [line] + cells + ["\(own[0].gradientSteps)", String(format: "%.0f", own.map(\.seconds).mean)]
    }
    let table = TextTable(columns: [axis.name] + xs.map(String.init) + ["steps", "seconds"], rows: rows)
    let others = levels.sorted { $0.value > $1.value }.map { "\($0.key) \(String(format: "%.1f", $0.value))" }.joined(separator: ", ")
    let agents = points.reduce(0) { $0 + $1.means.count }
    var lines = ["\(table)", "", "Mean return ± 1 standard error over agents (how many of them), \(episodes) episodes each in \(environment); \(agents) agents. \(others)"]
    if !chosenOnline.isEmpty { lines.append("Checkpoints chosen by returns in the environment: \(chosenOnline.joined(separator: ", "))") }
    return lines.joined(separator: "\n")
  }

  /// A row for each point.
  public var csv: String {
    let rows = points.map { point in
      [
        point.line, "\(point.x)", "\(point.mean)", point.se.map { "\($0)" } ?? "", "\(point.means.count)", point.means.map { "\($0)" }.joined(separator: ";"),
        "\(point.gradientSteps)", String(format: "%.1f", point.seconds),
      ].map { $0.contains(",") ? "\"\($0)\"" : $0 }.joined(separator: ",")
    }
    return (["line,\(axis.rawValue),mean,se,agents,means,gradientSteps,seconds"] + rows).joined(separator: "\n") + "\n"
  }

  public var picture: String {
    var chart = LineChart(
      title: environment, xLabel: axis.name, yLabel: "return",
      series: lines.map { line in
        LineChart.Series(
          line,
          points.filter { $0.line == line }.map { point in
            .init(x: Double(point.x), y: point.mean, low: point.se.map { point.mean - $0 }, high: point.se.map { point.mean + $0 })
          }, hasDots: true)
      })
    chart.levels = levels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    chart.xTicks = xs.map(Double.init)
    return LineChart.svg([chart])
  }
}
