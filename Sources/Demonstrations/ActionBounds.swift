import Settings
import Spaces

/// Which bounds the numbers of actions have.
public enum ActionBounds: String, Codable, CaseIterable, Sendable {
  /// Those that are declared, and those that were recorded where none are declared, or such as are a hundred times as
  /// far apart as what was recorded.
  case automatic
  case declared
  case recorded
}

/// What the numbers of actions are scaled by, for networks.
public struct ActionConfiguration: Configuration {
  public var bounds = ActionBounds.automatic
  /// The share of the recorded numbers that is left out at either end, where bounds are taken from them.
  public var quantile = 0.001
  /// How far bounds lie beyond those, as a share of the distance between them.
  public var margin = 0.05
  /// The share of steps in which a number may lie beyond its bounds, where it is clipped.
  public var mostBeyond = 0.01

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.require(quantile >= 0 && quantile < 0.5, "quantile", "is \(quantile), must be at least 0 and below 0.5")
    problems.require(margin >= 0 && margin <= 10, "margin", "is \(margin), must be in 0…10")
    problems.require(mostBeyond >= 0 && mostBeyond <= 1, "mostBeyond", "is \(mostBeyond), must be in 0…1")
  }
}

extension [Dataset] {
  /// Declared bounds that are so many times as far apart as what was recorded are no measure of it.
  private static var far: Float { 100 }

  /// The actions to learn, with bounds for all numbers, and what a user should know of them.
  /// - Throws: `spacesDiffer`; `actionsBeyond` where more steps than `mostBeyond` have a number beyond its bounds.
  public func learnedActions(_ c: ActionConfiguration) throws -> (space: ActionSpace, notes: [String]) {
    let declared = self[0].actions
    for other in self where !other.actions.fits(declared) {
      throw DemonstrationError.spacesDiffer(
        first: self[0].name, firstSpaces: self[0].spaces, second: other.name, secondSpaces: other.spaces)
    }
    // Where datasets declare others, what all of them allow.
    var (low, high, notes) = (declared.low, declared.high, [String]())
    for other in self {
      for index in low.indices {
        (low[index], high[index]) = (
          Swift.min(low[index], other.actions.low[index]), Swift.max(high[index], other.actions.high[index])
        )
      }
    }
    for index in low.indices where c.bounds != .declared || !ActionSpace.isBounded(low[index], high[index]) {
      let recorded = try recordedNumbers(index).sorted()
      let outside = Int(c.quantile * Double(recorded.count))
      let (first, last) = (recorded[outside], recorded[recorded.count - 1 - outside])
      let isBounded = ActionSpace.isBounded(low[index], high[index])
      guard c.bounds == .recorded || !isBounded || high[index] - low[index] > Self.far * (last - first) && last > first
      else { continue }
      // What never changed says nothing of how far it could.
      let margin = last > first ? Float(c.margin) * (last - first) : 1
      let wide = (first - margin, last + margin)
      // Who asks for what was recorded has declared bounds that are wrong.
      let allowed = c.bounds == .recorded ? wide : (Swift.max(wide.0, low[index]), Swift.min(wide.1, high[index]))
      (low[index], high[index]) = ActionSpace.isBounded(allowed.0, allowed.1) ? allowed : wide
      let why =
        isBounded
        ? ""
        : declared.low[index] == declared.high[index]
          ? ", whose declared bounds are equal" : ", which has no finite bounds"
      notes.append(
        "\(declared.name(ofNumber: index))\(why): learned within \(low[index]) to \(high[index]), as recorded")
    }
    let space = declared.bounded(low: low, high: high)
    return (space, notes + (try numbers(beyond: space, c)))
  }

  /// What a user should know of recorded numbers beyond the bounds of actions that are learned, where they are clipped.
  /// - Throws: `actionsBeyond` where more steps than `mostBeyond` have such a number.
  public func numbers(beyond space: ActionSpace, _ c: ActionConfiguration) throws -> [String] {
    var notes: [String] = []
    for index in space.low.indices {
      let (low, high, recorded) = (space.low[index], space.high[index], try recordedNumbers(index))
      // Less rounding: other programs hold bounds in double precision.
      let tolerance = 1e-5 * (high - low)
      let beyond = recorded.filter { $0 < low - tolerance || $0 > high + tolerance }
      guard let furthest = beyond.max(by: { Swift.max(low - $0, $0 - high) < Swift.max(low - $1, $1 - high) }) else {
        continue
      }
      let (share, name) = (Double(beyond.count) / Double(recorded.count), space.name(ofNumber: index))
      guard share <= c.mostBeyond else {
        throw DemonstrationError.actionsBeyond(
          dataset: map(\.name).joined(separator: ", "), what: name, share: share, low: low, high: high,
          furthest: furthest)
      }
      notes.append(
        "\(name): \(beyond.count) of \(recorded.count) recorded steps are beyond \(low) to \(high), as far as \(furthest), and are clipped"
      )
    }
    return notes
  }

  /// - Throws: `Interrupted` after a signal.
  private func recordedNumbers(_ index: Int) throws -> [Float] {
    try flatMap { dataset in
      try dataset.episodes.flatMap { episode in
        try Dataset.goOn(dataset.name)
        return episode.actions.map { $0.numbers[index] }
      }
    }
  }
}

extension ActionSpace {
  /// What messages call one of its numbers.
  fileprivate func name(ofNumber index: Int) -> String {
    var place = index
    for part in parts {
      if place < part.low.count {
        return isSingle ? "number \(place + 1) of the actions" : "number \(place + 1) of the action '\(part.name)'"
      }
      place -= part.low.count
    }
    preconditionFailure("there is no number \(index) in \(self)")
  }
}
