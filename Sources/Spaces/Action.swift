import Foundation

/// What is done at one step, part by part.
public struct Action: Hashable, Sendable {
  /// The class of each part that has classes, from 0, in the order of the space's parts.
  public var classes: [Int]
  /// The numbers of all other parts, one after the other, in their own units.
  public var numbers: [Float]

  public init(classes: [Int] = [], numbers: [Float] = []) { (self.classes, self.numbers) = (classes, numbers) }

  /// One of so many, from 0.
  public static func discrete(_ number: Int) -> Action { Action(classes: [number]) }
  public static func continuous(_ numbers: [Float]) -> Action { Action(numbers: numbers) }
}

extension Action: ExpressibleByIntegerLiteral {
  public init(integerLiteral number: Int) { self = .discrete(number) }
}

extension Action: CustomStringConvertible {
  public var description: String { (classes.map { "\($0)" } + numbers.map { "\($0)" }).joined(separator: " ") }
}

/// What can be done: parts, each of classes, or of numbers within bounds.
public struct ActionSpace: Hashable, Sendable {
  public struct Part: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      /// One class of each of several groups: how many each has, and the number that an environment calls the first of
      /// them.
      case classes([Int], starts: [Int])
      /// Numbers, each within its bounds, which are infinite where an environment has none.
      case box(low: [Float], high: [Float])
    }

    /// Below an action's `Dict` or `Tuple`, with slashes between their levels; `action` where there is nothing else.
    public let name: String
    public let kind: Kind

    public init(_ name: String, _ kind: Kind) { (self.name, self.kind) = (name, kind) }

    public var classCounts: [Int] { if case .classes(let counts, _) = kind { counts } else { [] } }
    public var starts: [Int] { if case .classes(_, let starts) = kind { starts } else { [] } }
    public var low: [Float] { if case .box(let low, _) = kind { low } else { [] } }
    public var high: [Float] { if case .box(_, let high) = kind { high } else { [] } }
  }

  public let parts: [Part]
  /// How many classes each group of the parts that have classes has.
  public let classCounts: [Int]
  /// Bounds of the numbers of all other parts.
  public let low, high: [Float]

  /// The name of a part that is alone.
  public static let single = "action"
  static let mostParts = 256
  static let largest = 65_536

  public init(_ parts: [Part]) {
    self.parts = parts
    classCounts = parts.flatMap(\.classCounts)
    low = parts.flatMap(\.low)
    high = parts.flatMap(\.high)
  }

  /// So many actions, numbered from 0.
  public static func discrete(_ count: Int) -> ActionSpace {
    ActionSpace([Part(single, .classes([count], starts: [0]))])
  }
  /// Vectors of numbers, each within its bounds.
  public static func box(low: [Float], high: [Float]) -> ActionSpace {
    ActionSpace([Part(single, .box(low: low, high: high))])
  }

  /// Whether one part is all that is done, and nobody gave it a name.
  public var isSingle: Bool { parts.count == 1 && parts[0].name == Self.single }
  /// How many actions there are, where one group of classes is all.
  public var discreteCount: Int? { classCounts.count == 1 && low.isEmpty ? classCounts[0] : nil }

  /// `A`, the length of an action as networks take it: classes one-hot, then numbers scaled to −1…1.
  public var size: Int { classCounts.reduce(0, +) + low.count }
  /// `W`, the length of an action as tensors have it: class indices, then numbers scaled to −1…1.
  public var width: Int { classCounts.count + low.count }

  /// Whether there are networks for such actions, but for their bounds: 1 to 65,536 classes and numbers in all.
  public var isSupported: Bool {
    guard (1...Self.mostParts).contains(parts.count), Set(parts.map(\.name)).count == parts.count else { return false }
    var total = 0
    for part in parts {
      guard part.classCounts.count + part.low.count > 0, part.starts.count == part.classCounts.count,
        part.low.count == part.high.count
      else { return false }
      guard part.classCounts.allSatisfy({ (1...Self.largest).contains($0) }),
        part.starts.allSatisfy({ $0.magnitude <= Int32.max })
      else { return false }
      guard zip(part.low, part.high).allSatisfy({ $0 <= $1 }), part.low.count <= Self.largest,
        part.classCounts.count <= Self.largest
      else { return false }
      total += part.classCounts.reduce(0, +) + part.low.count
    }
    return total <= Self.largest
  }

  /// Whether its numbers have bounds that are finite and so far apart, and no farther, that `scaled` is a number.
  public var isBounded: Bool { zip(low, high).allSatisfy(Self.isBounded) }
  public static func isBounded(_ low: Float, _ high: Float) -> Bool {
    low.isFinite && high.isFinite && low < high && (2 * (high - low)).isFinite
  }

  /// Whether actions of both are the same parts, whatever their classes begin at and their numbers are bounded by.
  public func fits(_ other: ActionSpace) -> Bool {
    parts.map(\.name) == other.parts.map(\.name) && parts.map(\.classCounts) == other.parts.map(\.classCounts)
      && parts.map(\.low.count) == other.parts.map(\.low.count)
  }

  /// With other bounds of its numbers.
  public func bounded(low: [Float], high: [Float]) -> ActionSpace {
    var (place, bounded) = (0, [Part]())
    for part in parts {
      let own = place..<place + part.low.count
      bounded.append(own.isEmpty ? part : Part(part.name, .box(low: Array(low[own]), high: Array(high[own]))))
      place = own.upperBound
    }
    return ActionSpace(bounded)
  }

  /// The first class of each group, and numbers in the middle of their bounds.
  public var still: Action { unscaled(Action(classes: classCounts.map { _ in 0 }, numbers: low.map { _ in 0 })) }

  public func contains(_ action: Action) -> Bool {
    action.classes.count == classCounts.count && action.numbers.count == low.count
      && zip(action.classes, classCounts).allSatisfy { (0..<$1).contains($0) }
      && action.numbers.indices.allSatisfy { (low[$0]...high[$0]).contains(action.numbers[$0]) }
  }

  /// With numbers that are beyond their bounds at them.
  public func clipped(_ action: Action) -> Action {
    Action(
      classes: action.classes, numbers: low.indices.map { Swift.min(high[$0], Swift.max(low[$0], action.numbers[$0])) })
  }

  /// Each as likely as any other.
  public func random(using generator: inout some RandomNumberGenerator) -> Action {
    var action = Action()
    for count in classCounts { action.classes.append(Int.random(in: 0..<count, using: &generator)) }
    for index in low.indices { action.numbers.append(Self.random(low[index], high[index], using: &generator)) }
    return action
  }

  /// Within bounds each number as likely as any other; beside one that is alone, or around 0, ever less likely the
  /// farther away.
  private static func random(_ low: Float, _ high: Float, using generator: inout some RandomNumberGenerator) -> Float {
    if low == high || isBounded(low, high) { return Float.random(in: low...high, using: &generator) }
    let distance = -log(Float.random(in: Float.leastNormalMagnitude..<1, using: &generator))
    if low > -.greatestFiniteMagnitude / 2 { return min(low + distance, high) }
    if high < .greatestFiniteMagnitude / 2 { return max(high - distance, low) }
    return Bool.random(using: &generator) ? distance : -distance
  }

  /// Its numbers to −1…1, clipped there.
  public func scaled(_ action: Action) -> Action {
    Action(
      classes: action.classes,
      numbers: low.indices.map {
        Swift.min(1, Swift.max(-1, 2 * (action.numbers[$0] - low[$0]) / (high[$0] - low[$0]) - 1))
      })
  }

  /// The inverse of `scaled`.
  public func unscaled(_ action: Action) -> Action {
    Action(
      classes: action.classes,
      numbers: low.indices.map {
        Swift.min(high[$0], Swift.max(low[$0], low[$0] + (action.numbers[$0] + 1) / 2 * (high[$0] - low[$0])))
      })
  }
}

extension ActionSpace: ExpressibleByIntegerLiteral {
  public init(integerLiteral count: Int) { self = .discrete(count) }
}

extension ActionSpace: CustomStringConvertible {
  public var description: String {
    let parts = parts.map { part in isSingle ? "\(part)" : "\(part.name) (\(part))" }
    return parts.joined(separator: ", ")
  }
}

extension ActionSpace.Part: CustomStringConvertible {
  public var description: String {
    switch kind {
    case .classes(let counts, _):
      counts.count == 1
        ? "\(counts[0]) actions" : "\(counts.count) classes of \(counts.map(String.init).joined(separator: ", "))"
    case .box(let low, let high):
      "actions of \(low.count) number\(low.count == 1 ? "" : "s") in \(zip(low, high).map { "\($0)…\($1)" }.joined(separator: ", "))"
    }
  }
}

extension ActionSpace.Part: Codable {
  private enum Keys: CodingKey { case name, classes, starts, low, high }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Keys.self)
    name = try values.decode(String.self, forKey: .name)
    if let counts = try values.decodeIfPresent([Int].self, forKey: .classes) {
      kind = .classes(
        counts,
        starts: try values.decodeIfPresent([Int].self, forKey: .starts)
          ?? [Int](repeating: 0, count: min(counts.count, 1 << 20)))
    } else {
      kind = .box(
        low: try values.decode([Float].self, forKey: .low), high: try values.decode([Float].self, forKey: .high))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Keys.self)
    try values.encode(name, forKey: .name)
    switch kind {
    case .classes(let counts, let starts):
      try values.encode(counts, forKey: .classes)
      if starts.contains(where: { $0 != 0 }) { try values.encode(starts, forKey: .starts) }
    case .box(let low, let high):
      try values.encode(low, forKey: .low)
      try values.encode(high, forKey: .high)
    }
  }
}
