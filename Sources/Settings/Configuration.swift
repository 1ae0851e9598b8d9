import Yams

/// The settings of one stage, or one section of them: plain values, each with its default.
///
/// Numbers, booleans, text, enums with raw strings (`CaseIterable` ones have their cases listed when a value is wrong),
/// lists of these, and nested configurations. Conformance is synthesised; there are no optionals, since a `nil` default
/// would vanish when the defaults are encoded.
public protocol Configuration: Codable, Equatable, Sendable {
  /// The defaults.
  init()
  /// Adds what is wrong with these values to `problems`.
  func check(_ problems: inout Problems)
  /// What became of settings that older documents have, by their names then.
  static var former: [String: FormerSetting] { get }
}

/// What became of a setting.
public enum FormerSetting: Sendable {
  case renamed(String)
  /// It is gone; what it did with this value, as YAML has it, is what is done now.
  case removed(neutral: String)
}

extension Configuration {
  public static var former: [String: FormerSetting] { [:] }
}

extension Configuration {
  /// Checks every value, for a configuration made in code; `load` has done so already.
  /// - Throws: `ConfigurationError.invalid` with every problem.
  public func validate() throws {
    var problems = Problems()
    check(&problems)
    guard problems.found.isEmpty else {
      throw ConfigurationError.invalid(problems.found.map { "\($0.key) \($0.message)" })
    }
  }

  /// All values, as YAML writes them, by dotted key.
  public func values() throws -> [String: String] { try settingsTree(of: self).leaves() }

  /// Those that are not the defaults.
  public func differences() throws -> [String: String] {
    let usual = try Self().values()
    return try values().filter { usual[$0.key] != $0.value }
  }

  /// The complete configuration as a document that `load` reads back equal.
  public func yaml(_ section: ConfigurationSection) throws -> String {
    try Yams.serialize(node: Node([(Node(section.rawValue), settingsTree(of: self))]))
  }
}

/// The top-level keys of a document: each trainer reads its own.
public enum ConfigurationSection: String, CaseIterable, Codable, Sendable {
  case worldModel, agent
}

/// What `check` found wrong, under the full dotted key of each value.
public struct Problems {
  private var prefix = ""
  private(set) var found: [(key: String, message: String)] = []

  init() {}

  /// Reports `message` about `key` unless `condition` holds. The message continues the key: "is 0, must be at least 1".
  public mutating func require(_ condition: Bool, _ key: String, _ message: @autoclosure () -> String) {
    if !condition { found.append((prefix + key, message())) }
  }

  /// Reports a whole number out of `range`.
  public mutating func require(_ value: Int, in range: ClosedRange<Int>, _ key: String) {
    require(value >= range.lowerBound, key, "is \(value), must be at least \(range.lowerBound)")
    require(value <= range.upperBound, key, "is \(value), must be at most \(range.upperBound)")
  }

  /// Checks a nested section that is stored under `key`.
  public mutating func check(_ section: some Configuration, _ key: String) {
    let outer = prefix
    prefix += key + "."
    section.check(&self)
    prefix = outer
  }
}

/// `configuration` as YAML nodes, its numbers as exact as they are.
func settingsTree(of configuration: some Configuration) throws -> Node {
  try (Yams.compose(yaml: YAMLEncoder().encode(configuration)) ?? Node([(Node, Node)]())).withExactNumbers(
    of: configuration)
}

extension Node {
  /// Text of scalars and lists by dotted key.
  fileprivate func leaves(at key: String = "") -> [String: String] {
    switch self {
    case .mapping(let mapping):
      mapping.reduce(into: [:]) { all, pair in
        let name = pair.key.string ?? ""
        all.merge(pair.value.leaves(at: key.isEmpty ? name : "\(key).\(name)")) { $1 }
      }
    case .sequence(let sequence): [key: "[\(sequence.compactMap(\.string).joined(separator: ", "))]"]
    default: [key: string ?? ""]
    }
  }

  /// Numbers as Swift prints them. Yams keeps only 15 digits of some, and writes 0.0003 as 0.00029999999999999997.
  fileprivate func withExactNumbers(of value: Any) -> Node {
    switch self {
    case .mapping(let mapping):
      let values = namedChildren(of: value)
      return Node(mapping.map { ($0.key, $0.value.withExactNumbers(of: values[$0.key.string ?? ""] ?? ())) })
    case .sequence(let sequence):
      return Node(
        zip(sequence, Mirror(reflecting: value).children).map { $0.withExactNumbers(of: $1.value) }, .implicit, .flow)
    default:
      return (value as? Double).map(Node.init(number:)) ?? self
    }
  }

  init(number: Double) {
    self.init("\(number)", Tag(.float))
  }
}

/// The stored properties of `value` by name.
func namedChildren(of value: Any) -> [String: Any] {
  Dictionary(
    Mirror(reflecting: value).children.map { ($0.label ?? "", $0.value) }, uniquingKeysWith: { first, _ in first })
}
