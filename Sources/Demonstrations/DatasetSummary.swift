import Foundation
import Spaces

/// What a dataset holds, as `ditto data info` shows it.
public struct DatasetSummary: Codable, Equatable, Sendable {
  /// How episodes end; one that was recorded without an end counts as neither.
  public struct Ends: Codable, Equatable, Sendable {
    public let terminated: Int
    public let truncated: Int
  }

  public let name: String
  public let episodes: Int
  /// Steps of all episodes, one less per episode than there are frames.
  public let transitions: Int
  /// Undiscounted sums of rewards.
  public let `return`: Spread
  /// In steps.
  public let length: Spread
  public let observation: ObservationSpace
  /// How often each discrete action was taken; absent for others.
  public let actions: [Int]?
  /// Each number of actions that are vectors, in the dataset's own units; absent for others.
  public let numbers: [Spread]?
  /// Of each field of what is seen, by its name: all pixels together (0…255), each number of a vector, or the classes of each group.
  public let fields: [String: [Spread]]
  public let ends: Ends

  /// Reads the whole dataset.
  /// - Throws: `damagedField`; `notFinite` for a vector that holds what is no number.
  public init(_ dataset: Dataset) throws {
    let recorded = dataset.episodes
    name = dataset.name
    episodes = recorded.count
    transitions = recorded.reduce(0) { $0 + $1.length }
    `return` = Spread(recorded.map(\.return))
    length = Spread(recorded.map { Double($0.length) })
    observation = dataset.observation
    let taken = recorded.flatMap(\.actions)
    switch dataset.actions {
    case .discrete(let count):
      numbers = nil
      actions = taken.reduce(into: [Int](repeating: 0, count: count)) { counts, action in
        if case .discrete(let number) = action { counts[number] += 1 }
      }
    case .box(let low, _):
      actions = nil
      let recorded = taken.map(dataset.actions.unscaled)
      numbers = low.indices.map { index in Spread(recorded.map { if case .continuous(let values) = $0 { Double(values[index]) } else { 0 } }) }
    }
    fields = try Dictionary(uniqueKeysWithValues: dataset.observation.fields.enumerated().map { index, field in
      guard field.isImage else { return (field.name, try VectorStatistics(over: [EpisodeSelection(dataset)], field: index).spreads) }
      let statistics = try PixelStatistics(over: [EpisodeSelection(dataset)], field: index)
      return (field.name, [Spread(
        mean: Double(statistics.mean), sd: Double(statistics.deviation), min: Double(statistics.minimum), max: Double(statistics.maximum))])
    })
    ends = Ends(terminated: recorded.count { $0.terminated }, truncated: recorded.count { $0.truncated })
  }
}

extension DatasetSummary: CustomStringConvertible {
  /// A table of a few lines.
  public var description: String {
    let number = { (value: Double) in String(format: "%.4g", value) }
    let spread = { (values: Spread) in
      "\(number(values.mean)) ± \(number(values.sd))  (\(number(values.min)) to \(number(values.max)))"
    }
    let taken = actions?.enumerated().map { "\($0): \($1) (\(number(100 * Double($1) / Double(transitions))) %)" } ?? numbers!.map(spread)
    let seen = observation.fields.map { field in
      let title = !observation.isSingle ? field.name : field.isImage ? "pixels" : "numbers"
      return (title, fields[field.name]!.map(spread).joined(separator: ", "))
    }
    return ([
      ("dataset", name), ("episodes", "\(episodes), \(ends.terminated) terminated, \(ends.truncated) truncated"),
      ("transitions", "\(transitions)"), ("return", spread(self.return)), ("length", "\(spread(length)) steps"),
      ("observations", observation.description),
    ] + seen + [("actions", taken.joined(separator: ", "))]).map { key, value in key.padding(toLength: max(14, key.count + 2), withPad: " ", startingAt: 0) + value }.joined(separator: "\n")
  }
}
