/// What is done at one step.
public enum Action: Hashable, Sendable {
  /// One of so many, from 0.
  case discrete(Int)
  /// Numbers; which, `ActionSpace.box` says.
  case continuous([Float])
}

extension Action: ExpressibleByIntegerLiteral {
  public init(integerLiteral number: Int) { self = .discrete(number) }
}

extension Action: CustomStringConvertible {
  public var description: String {
    switch self {
    case .discrete(let number): "\(number)"
    case .continuous(let values): values.map { "\($0)" }.joined(separator: " ")
    }
  }
}

/// What can be done.
public enum ActionSpace: Hashable, Codable, Sendable {
  /// So many actions, numbered from 0.
  case discrete(Int)
  /// Vectors of numbers, each within its bounds.
  case box(low: [Float], high: [Float])

  /// `A`, the length of an action as networks take it: one-hot, or scaled to −1…1.
  public var size: Int {
    switch self {
    case .discrete(let count): count
    case .box(let low, _): low.count
    }
  }

  /// Whether there are networks for such actions: 1 to 65,536 of them, or of their numbers, whose bounds are finite and so far apart, and no farther, that
  /// `scaled` is a number.
  public var isSupported: Bool {
    guard (1...65_536).contains(size) else { return false }
    guard case .box(let low, let high) = self else { return true }
    return low.count == high.count && zip(low, high).allSatisfy { $0.isFinite && $1.isFinite && $0 < $1 && (2 * ($1 - $0)).isFinite }
  }

  public func contains(_ action: Action) -> Bool {
    switch (self, action) {
    case (.discrete(let count), .discrete(let number)): (0..<count).contains(number)
    case (.box(let low, let high), .continuous(let values)):
      values.count == low.count && values.indices.allSatisfy { (low[$0]...high[$0]).contains(values[$0]) }
    default: false
    }
  }

  /// Each as likely as any other.
  public func random(using generator: inout some RandomNumberGenerator) -> Action {
    switch self {
    case .discrete(let count): .discrete(Int.random(in: 0..<count, using: &generator))
    case .box(let low, let high): .continuous(zip(low, high).map { Float.random(in: $0...$1, using: &generator) })
    }
  }

  /// Numbers within the bounds to −1…1; a discrete action stays as it is.
  public func scaled(_ action: Action) -> Action {
    guard case .box(let low, let high) = self, case .continuous(let values) = action else { return action }
    return .continuous(values.indices.map { Swift.min(1, Swift.max(-1, 2 * (values[$0] - low[$0]) / (high[$0] - low[$0]) - 1)) })
  }

  /// The inverse of `scaled`.
  public func unscaled(_ action: Action) -> Action {
    guard case .box(let low, let high) = self, case .continuous(let values) = action else { return action }
    return .continuous(values.indices.map { Swift.min(high[$0], Swift.max(low[$0], low[$0] + (values[$0] + 1) / 2 * (high[$0] - low[$0]))) })
  }
}

extension ActionSpace: ExpressibleByIntegerLiteral {
  public init(integerLiteral count: Int) { self = .discrete(count) }
}

extension ActionSpace: CustomStringConvertible {
  public var description: String {
    switch self {
    case .discrete(let count): "\(count) actions"
    case .box(let low, let high): "actions of \(low.count) number\(low.count == 1 ? "" : "s") in \(zip(low, high).map { "\($0)…\($1)" }.joined(separator: ", "))"
    }
  }
}
