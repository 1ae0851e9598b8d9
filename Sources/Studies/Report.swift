import Evaluation
import Foundation
import Imitation
import Runs
import Training

/// What agents are compared over.
public enum ReportAxis: String, Codable, CaseIterable, Sendable {
  case episodes, horizon

  var name: String { self == .episodes ? "expert episodes" : "horizon" }

  func value(of agent: AgentMetadata) -> Int? { self == .episodes ? agent.expertEpisodes : agent.horizon }
}

/// Evaluations of many agents as one table and one picture: a line for each method, a point for each number of expert
/// episodes or horizon, the mean of its seeds ± 1 standard error. Source of the pictures' style: DITTO, figures 2 and
/// 3.
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
  /// Mean returns of players that learn nothing, such as the expert's; over horizons, also of agents that have none,
  /// the mean of theirs.
  public let levels: [String: Double]
  /// The share of logged steps at which an agent's discriminator had collapsed, where it ever had, by file.
  public let collapsed: [String: Double]

  /// - Parameters:
  ///   - files: results of `ditto evaluate --json`; those without an agent are levels.
  /// - Throws: `RunError.cannotRead`; `ExperimentError.noResult` for a file that is none, or of another version, or
  ///   `.cannotCompare`.
  public init(_ files: [URL], over axis: ReportAxis) throws {
    let results = try files.map { file -> EvaluationResult in
      let data: Data
      do { data = try Data(contentsOf: file) } catch { throw RunError.cannotRead(file.path, reason: reason(error)) }
      do { return try JSONDecoder().decode(EvaluationResult.self, from: data) } catch {
        throw ExperimentError.noResult(file.path)
      }
    }
    let agents = zip(files, results).compactMap { file, result in
      result.agent.map { (file: file, result: result, facts: $0) }
    }
    guard let first = agents.first else {
      throw ExperimentError.cannotCompare(
        "none of the files is the evaluation of an agent; give what 'ditto evaluate RUN --json' printed")
    }
    for (file, result) in zip(files, results) {
      guard result.environment == first.result.environment, result.seed == first.result.seed,
        result.agent == nil || result.returns.count == first.result.returns.count
      else {
        throw ExperimentError.cannotCompare(
          "\(file.path) was evaluated on other episodes than \(first.file.path); evaluate both in one environment, with one --seed and as many --episodes"
        )
      }
    }
    let lines = Dictionary(grouping: agents) { $0.facts.label }.flatMap { label, agents in
      let differing = Set(agents.flatMap { $0.facts.traits(over: axis).keys }).filter { trait in
        Set(agents.map { $0.facts.traits(over: axis)[trait] }).count > 1
      }
      return Dictionary(grouping: agents) { $0.facts.name(tellingApart: differing, over: axis) }
    }.sorted { $0.key < $1.key }
    let names = results.filter { $0.agent == nil }.map(\.player)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw ExperimentError.cannotCompare("the results of '\(twice)' are there more than once; leave all but one out")
    }
    var (points, levels) = (
      [Point](),
      Dictionary(
        results.filter { $0.agent == nil }.map { ($0.player == "scripted" ? "expert (scripted)" : $0.player, $0.mean) }
      ) { $1 }
    )
    for (line, agents) in lines {
      for (x, agents) in Dictionary(grouping: agents, by: { axis.value(of: $0.facts) }).sorted(by: {
        $0.key ?? 0 < $1.key ?? 0
      }) {
        let agents = agents.sorted { $0.facts.seed < $1.facts.seed }
        guard Set(agents.map(\.facts.seed)).count == agents.count else {
          throw ExperimentError.cannotCompare(
            "\(agents[0].file.path) and others are of the same seed, and nothing else sets them apart; leave all but one out"
          )
        }
        let means = agents.map(\.result.mean)
        guard let x else {
          levels[line] = means.mean
          continue
        }
        points.append(
          Point(
            line: line, x: x, mean: means.mean,
            se: means.count > 1 ? (means.variance / Double(means.count)).squareRoot() : nil, means: means,
            gradientSteps: agents[0].facts.gradientSteps, seconds: agents.map(\.facts.seconds).mean))
      }
    }
    guard !points.isEmpty else {
      throw ExperimentError.cannotCompare("none of the agents has a \(axis.name); compare them over another axis")
    }
    (self.points, self.levels) = (points, levels)
    (environment, self.axis, episodes) = (first.result.environment, axis, first.result.returns.count)
    collapsed = Dictionary(
      agents.compactMap { agent in agent.facts.collapsed.flatMap { $0 > 0 ? (agent.file.lastPathComponent, $0) : nil } }
    ) { $1 }
  }

  private var lines: [String] { points.map(\.line).reduce(into: []) { if $0.last != $1 { $0.append($1) } } }
  private var xs: [Int] { Set(points.map(\.x)).sorted() }
}

extension AgentMetadata {
  /// The method, with the rewards where they are not its own, and why its checkpoint acts where nobody may overlook
  /// that.
  fileprivate var label: String {
    let mark =
      switch selectedBy {
      case .last, .offline: ""
      case .online: ", chosen online"
      case .named: ", step \(step)"
      }
    guard let rewards, rewards != (method == .ditto ? ["dot": 1] : ["gail": 1]) else { return method.rawValue + mark }
    let sum = rewards.sorted { $0.key < $1.key }.map {
      $0.value == 1 ? $0.key : String(format: "%g %@", $0.value, $0.key)
    }
    return "\(method.rawValue) \(sum.joined(separator: " + "))\(mark)"
  }

  /// What may set agents of one label apart, beside their seeds and what they are compared over.
  fileprivate func traits(over axis: ReportAxis) -> [String: String] {
    var traits = settings
    traits["defaults"] = defaults.map(String.init) ?? "1"
    // Each seed may begin with its own.
    (traits["mixed data"], traits["from"]) = (mixedData?.joined(separator: " and "), from.map { _ in "another run" })
    (traits["steps"], traits["actions"], traits["checkpoint"], traits["world model"]) = (
      "\(gradientSteps)", actions.rawValue, selectedBy.rawValue, worldModel
    )
    for other in ReportAxis.allCases where other != axis { traits[other.name] = other.value(of: self).map(String.init) }
    return traits
  }

  /// The label, and what tells it apart from others of that label; defaults go without saying.
  fileprivate func name(tellingApart traits: Set<String>, over axis: ReportAxis) -> String {
    let own = self.traits(over: axis)
    return
      ([label]
      + traits.sorted().compactMap { trait in own[trait].map { trait == "steps" ? "\($0) steps" : "\(trait) \($0)" } })
      .joined(separator: ", ")
  }
}

extension Report: CustomStringConvertible {
  public var description: String {
    let rows = lines.map { line -> [String] in
      let own = points.filter { $0.line == line }
      let cells = xs.map { x -> String in
        guard let point = own.first(where: { $0.x == x }) else { return "" }
        return shown(point.mean) + (point.se.map { " ± \(shown($0))" } ?? "") + " (\(point.means.count))"
      }
      return [line] + cells + ["\(own[0].gradientSteps)", String(format: "%.0f", own.map(\.seconds).mean)]
    }
    let table = TextTable(columns: [axis.name] + xs.map(String.init) + ["steps", "seconds"], rows: rows)
    let others = levels.sorted { $0.value > $1.value }.map { "\($0.key) \(shown($0.value))" }.joined(separator: ", ")
    let agents = points.reduce(0) { $0 + $1.means.count }
    let lines = [
      "\(table)", "",
      "Mean return ± 1 standard error over agents (how many of them), \(episodes) episodes each in \(environment); \(agents) agents. \(others)",
    ]
    let collapses = collapsed.sorted { $0.key < $1.key }.map {
      String(format: "%@ (%.0f %% of the steps)", $0.key, 100 * $0.value)
    }
    return
      (lines + (collapses.isEmpty ? [] : ["Discriminators that had collapsed: \(collapses.joined(separator: ", "))"]))
      .joined(separator: "\n")
  }

  /// A row for each point.
  public var csv: String {
    let rows = points.map { point in
      [
        point.line, "\(point.x)", "\(point.mean)", point.se.map { "\($0)" } ?? "", "\(point.means.count)",
        point.means.map { "\($0)" }.joined(separator: ";"),
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
            .init(
              x: Double(point.x), y: point.mean, low: point.se.map { point.mean - $0 },
              high: point.se.map { point.mean + $0 })
          }, hasDots: true)
      })
    chart.levels = levels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    chart.xTicks = xs.map(Double.init)
    chart.isLogarithmic = axis == .episodes
    return LineChart.svg([chart])
  }
}
