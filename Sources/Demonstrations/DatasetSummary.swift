import Foundation
import Spaces

/// What a dataset holds, as `ditto data info` shows it.
public struct DatasetSummary: Codable, Equatable, Sendable {
  /// How episodes end; one that was recorded without an end counts as neither.
  public struct Ends: Codable, Equatable, Sendable {
    public let terminated: Int
    public let truncated: Int
  }

  /// A part of what was done.
  public struct ActionPart: Codable, Equatable, Sendable {
    public let name: String
    /// What there is to choose from, in words.
    public let space: String
    /// How often each class of each group was taken; absent where it is numbers.
    public let counts: [[Int]]?
    /// The number that the environment calls the first of each group's classes; absent where it is numbers.
    public let starts: [Int]?
    /// Each number, in the dataset's own units, and in how many steps it was beyond its bounds; absent where it is
    /// classes.
    public let numbers: [Spread]?
    public let beyondBounds: [Int]?
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
  /// In which each field is stored, by its name, such as `float64`.
  public let types: [String: String]
  /// The names of texts, which nothing learns from.
  public let leftOut: [String]
  public let actions: [ActionPart]
  /// Of each field of what is seen, by its name: all pixels together (0…255), each number of a vector, or the classes
  /// of each group.
  public let fields: [String: [Spread]]
  /// The share of a vector's numbers that are not finite, by its name; `fields` is of the others. Nothing learns from
  /// such a dataset.
  public let notFinite: [String: Double]
  public let ends: Ends

  /// Reads the whole dataset in a folder.
  /// - Throws: what opening it throws; `damagedField`.
  public init(at folder: URL) throws {
    let dataset = try Dataset(at: folder, cache: .shared, admittingNonFinite: true)
    let recorded = dataset.episodes
    name = dataset.name
    episodes = recorded.count
    transitions = recorded.reduce(0) { $0 + $1.length }
    `return` = Spread(recorded.map(\.return))
    length = Spread(recorded.map { Double($0.length) })
    (observation, leftOut) = (dataset.observation, dataset.leftOut)
    actions = Self.parts(of: dataset)
    types = Dictionary(uniqueKeysWithValues: zip(dataset.observation.fields.map(\.name), try dataset.types()))
    var notFinite: [String: Double] = [:]
    fields = try Dictionary(
      uniqueKeysWithValues: dataset.observation.fields.enumerated().map { index, field in
        guard field.isImage else {
          let statistics = try VectorStatistics(over: [EpisodeSelection(dataset)], field: index)
          if statistics.notFinite > 0 { notFinite[field.name] = statistics.notFinite }
          return (field.name, statistics.spreads)
        }
        let statistics = try PixelStatistics(over: [EpisodeSelection(dataset)], field: index)
        return (
          field.name,
          [
            Spread(
              mean: Double(statistics.mean), sd: Double(statistics.deviation), min: Double(statistics.minimum),
              max: Double(statistics.maximum))
          ]
        )
      })
    self.notFinite = notFinite
    ends = Ends(terminated: recorded.count { $0.terminated }, truncated: recorded.count { $0.truncated })
  }
}

extension DatasetSummary {
  private static func parts(of dataset: Dataset) -> [ActionPart] {
    let taken = dataset.episodes.flatMap(\.actions)
    var (parts, group, number) = ([ActionPart](), 0, 0)
    for part in dataset.actions.parts {
      if part.low.isEmpty {
        var counts = part.classCounts.map { [Int](repeating: 0, count: $0) }
        for action in taken {
          for index in counts.indices { counts[index][action.classes[group + index]] += 1 }
        }
        parts.append(
          ActionPart(
            name: part.name, space: "\(part)", counts: counts, starts: part.starts, numbers: nil, beyondBounds: nil))
        group += counts.count
      } else {
        let own = number..<number + part.low.count
        let beyond = own.map { place in
          taken.count {
            $0.numbers[place] < dataset.actions.low[place] || $0.numbers[place] > dataset.actions.high[place]
          }
        }
        parts.append(
          ActionPart(
            name: part.name, space: "\(part)", counts: nil, starts: nil,
            numbers: own.map { place in Spread(taken.map { Double($0.numbers[place]) }) },
            beyondBounds: beyond))
        number = own.upperBound
      }
    }
    return parts
  }
}

extension DatasetSummary: CustomStringConvertible {
  /// A table of a few lines.
  public var description: String {
    let number = { (value: Double) in String(format: "%.4g", value) }
    let spread = { (values: Spread) in
      "\(number(values.mean)) ± \(number(values.sd))  (\(number(values.min)) to \(number(values.max)))"
    }
    let share = { (count: Int) in "\(number(100 * Double(count) / Double(transitions))) %" }
    // Of many numbers only what they have together.
    let spreads = { (all: [Spread]) in
      all.count <= 16
        ? all.map(spread).joined(separator: ", ")
        : "mean \(number(all.map(\.mean).reduce(0, +) / Double(all.count))) "
          + "(\(number(all.map(\.min).min()!)) to \(number(all.map(\.max).max()!)))"
    }
    let done = actions.map { part -> (String, String) in
      let groups = part.counts.map {
        zip($0, part.starts!).map { counts, start in
          counts.enumerated().map { "\(start + $0): \($1) (\(share($1)))" }.joined(separator: ", ")
        }
      }
      let beyond = part.beyondBounds?.reduce(0, +) ?? 0
      let numbers = part.numbers.map {
        "\(spreads($0)); \(part.space)"
          + (beyond == 0 ? "" : ", " + part.beyondBounds!.map { share($0) }.joined(separator: ", ") + " beyond them")
      }
      return (
        actions.count == 1 && part.name == ActionSpace.single ? "actions" : "action \(part.name)",
        numbers ?? groups!.joined(separator: "; ")
      )
    }
    let described = observation.fields.map { field in
      let title = observation.isSingle ? "" : "\(field.name) "
      return field.isImage ? "\(title)\(field)" : "\(title)\(field), \(types[field.name]!)"
    }.joined(separator: "; ")
    let seen = observation.fields.map { field in
      let title = !observation.isSingle ? field.name : field.isImage ? "pixels" : "numbers"
      let share = notFinite[field.name].map { "; \(number(100 * $0)) % NaN, infinite or beyond 1e18" } ?? ""
      return (title, spreads(fields[field.name]!) + share)
    }
    return
      ([
        ("dataset", name), ("episodes", "\(episodes), \(ends.terminated) terminated, \(ends.truncated) truncated"),
        ("transitions", "\(transitions)"), ("return", spread(self.return)), ("length", "\(spread(length)) steps"),
        ("observations", described + leftOut.map { "; '\($0)', text, is left out" }.joined()),
      ] + seen + done).map { key, value in
        key.padding(toLength: max(14, key.count + 2), withPad: " ", startingAt: 0) + value
      }.joined(separator: "\n")
  }
}
