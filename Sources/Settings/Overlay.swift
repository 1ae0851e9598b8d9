import Foundation
import Yams

/// The defaults as a tree, and what has been laid over them. A change must name a value that is there, and keep its
/// type.
struct Overlay {
  /// Where a change was written.
  enum Source {
    case document(String, section: String)
    case override(String)

    func place(line: Int?) -> String {
      switch self {
      case .document(let name, _): name.hasPrefix("--") ? name : "\(name):\(line ?? 1)"  // an option has no lines
      case .override(let text): "--set \(text)"
      }
    }

    /// How a key of the section is written at the source.
    func written(_ key: String) -> String {
      if case .document(_, let section) = self { key.isEmpty ? section : "\(section).\(key)" } else { key }
    }
  }

  private(set) var tree: Node
  /// One line each.
  var problems: [String] = []
  /// What became of settings that documents still have.
  private(set) var notes: [(former: FormerSetting, text: String)] = []
  /// Dotted keys of the section, the values' and the inner sections'.
  private let keys: [String]
  /// Where each changed key was last set.
  private var places: [String: String] = [:]
  private let defaults: any Configuration

  init(on defaults: some Configuration) throws {
    self.defaults = defaults
    tree = try settingsTree(of: defaults)
    keys = tree.dottedKeys()
  }

  mutating func apply(_ changes: Node, from source: Source) {
    tree = merged(tree, changes, at: "", like: defaults, from: source)
  }

  /// `message` with the place where `key` was set, if it was.
  func located(_ key: String, _ message: String) -> String {
    places[key].map { "\($0): \(message)" } ?? message
  }

  /// `old` with `new` laid over it. `example` is the Swift value of `old`, which knows the cases of its enums.
  private mutating func merged(_ old: Node, _ new: Node, at key: String, like example: Any, from source: Source) -> Node
  {
    let place = source.place(line: new.mark?.line)
    func mismatch(_ expected: String) -> String {
      "\(place): \(source.written(key)) is \(new.kindFound), expected \(expected)"
    }
    switch (old, new) {
    case (.mapping(let settings), .mapping(let changes)):
      return .mapping(merged(settings, changes, at: key, like: example, from: source))
    case (.mapping, _) where new.isNull:
      return old
    case (.mapping, _):
      problems.append(mismatch("a section with keys"))
    case (.sequence(let elements), .sequence(let changed)):
      places[key] = place
      guard let first = elements.first, first.scalar != nil else { return new }
      return Node(
        changed.map { element in
          if let other = first.misread(element) { problems.append("\(place): \(source.written(key)) holds \(other)") }
          return first.converted(element)
            ?? {
              problems.append(
                "\(place): \(source.written(key)) holds \(element.kindFound), expected each to be \(first.kindExpected)"
              )
              return element
            }()
        })
    case (.scalar, .scalar):
      places[key] = place
      if let other = old.misread(new) { problems.append("\(place): \(source.written(key)) is \(other)") }
      guard let value = old.converted(new) else {
        problems.append(mismatch(old.kindExpected))
        return old
      }
      if let cases = rawCases(of: example), let text = value.string, !cases.contains(text) {
        problems.append(mismatch("one of \(cases.joined(separator: ", "))"))
      }
      return value
    default:
      problems.append(mismatch(old.kindExpected))
    }
    return old
  }

  private mutating func merged(
    _ settings: Node.Mapping, _ changes: Node.Mapping, at prefix: String, like example: Any, from source: Source
  ) -> Node.Mapping {
    var settings = settings
    let examples = namedChildren(of: example)
    for (name, value) in changes {
      var part = name.string ?? name.kindFound
      let path = { prefix.isEmpty ? $0 : "\(prefix).\($0)" }
      let (place, written) = (source.place(line: name.mark?.line), { source.written(path($0)) })
      let former = (example as? any Configuration).flatMap { type(of: $0).former[part] }
      switch former {
      case .renamed(let now) where changes[now] == nil:
        notes.append((former!, "\(place): '\(written(part))' is called '\(written(now))' now"))
        part = now
      case .removed(let neutral):
        if value.string != neutral, value.float == nil || value.float != Double(neutral) {
          notes.append((former!, "\(place): '\(written(part))' is gone; all is done as with \(neutral)"))
        }
        continue
      default: break
      }
      let key = path(part)
      guard let old = settings[part] else {
        problems.append("\(source.place(line: name.mark?.line)): \(unknown(key, in: settings, prefix: prefix, source))")
        continue
      }
      settings[part] = merged(old, value, at: key, like: examples[part] ?? (), from: source)
    }
    return settings
  }

  private func unknown(_ key: String, in settings: Node.Mapping, prefix: String, _ source: Source) -> String {
    let hint =
      nearestKey(to: key, among: keys).map { "did you mean '\(source.written($0))'?" }
      ?? "\(source.written(prefix).isEmpty ? "there are" : "'\(source.written(prefix))' has") \(settings.keys.compactMap(\.string).joined(separator: ", "))"
    return "unknown key '\(source.written(key))'; \(hint)"
  }
}

/// The raw values of a `CaseIterable` enum with raw strings, nil for anything else.
private func rawCases(of example: Any) -> [String]? {
  guard let type = type(of: example) as? any CaseIterable.Type else { return nil }
  func values<T: CaseIterable>(_ type: T.Type) -> [String] {
    type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
  }
  let cases = values(type)
  return cases.isEmpty ? nil : cases
}

extension Node {
  var isNull: Bool { scalar != nil && tag == Tag(.null) }

  fileprivate func dottedKeys(after prefix: String = "") -> [String] {
    guard case .mapping(let mapping) = self else { return [] }
    return mapping.flatMap { key, value -> [String] in
      let dotted = prefix + (key.string ?? "")
      return [dotted] + value.dottedKeys(after: dotted + ".")
    }
  }

  /// The type a value of this place must have.
  fileprivate var kindExpected: String {
    switch self {
    case .mapping: "a section with keys"
    case .sequence: "a list"
    default:
      switch tag.rawValue {
      case Tag.Name.bool.rawValue: "true or false"
      case Tag.Name.int.rawValue: "a whole number"
      case Tag.Name.float.rawValue: "a finite number"
      default: "text"
      }
    }
  }

  /// The value as a message names it.
  var kindFound: String {
    switch self {
    case .mapping: "a section"
    case .sequence: "a list"
    default: isNull ? "empty" : "'\(string ?? "")'"
    }
  }

  /// How YAML takes a number that people mean otherwise, where this node is one: it reads a leading zero as octal, and
  /// colons as base 60. Nil for others.
  fileprivate func misread(_ value: Node) -> String? {
    guard isNumber, value.isNumber, let text = value.string,
      let read = value.inBase60 ?? value.int.map(Double.init) ?? value.float
    else { return nil }
    let (sign, digits) = (text.prefix { "+-".contains($0) }, text.drop { "+-".contains($0) })
    let number = read == read.rounded() ? String(format: "%.0f", read) : "\(read)"
    if value.inBase60 != nil { return "'\(text)', which YAML reads as \(number) (base 60); write \(number)" }
    guard digits.first == "0", let second = digits.dropFirst().first, second.isNumber,
      value.tag.rawValue == Tag.Name.int.rawValue
    else { return nil }
    return "'\(text)', which YAML reads as \(number) (octal); write \(sign)\(digits.drop { $0 == "0" }) or \(number)"
  }

  private var isNumber: Bool { [Tag.Name.int.rawValue, Tag.Name.float.rawValue].contains(tag.rawValue) }

  /// What colons make of a number; nil of one without. Yams computes whole ones in integers, which end the process
  /// where they overflow, so that it must not be asked.
  private var inBase60: Double? {
    guard isNumber, let text = string, text.contains(":") else { return nil }
    let parts = text.drop { "+-".contains($0) }.split(separator: ":").map { Double($0.filter { $0 != "_" }) ?? 0 }
    return parts.reduce(0) { $0 * 60 + $1 } * (text.hasPrefix("-") ? -1 : 1)
  }

  /// `value` as the scalar type of this node, or nil if it has another. Text takes any scalar as written; a number
  /// takes whole ones.
  fileprivate func converted(_ value: Node) -> Node? {
    guard case .scalar(let scalar) = value else { return nil }
    // A problem already, by `misread`.
    if isNumber, value.inBase60 != nil { return self }
    switch (tag.rawValue, value.tag.rawValue) {
    case (Tag.Name.bool.rawValue, Tag.Name.bool.rawValue):
      return value.bool.map { Node("\($0)", Tag(.bool)) }
    case (Tag.Name.int.rawValue, Tag.Name.int.rawValue):
      return (value.int.map { "\($0)" } ?? UInt64.construct(from: scalar).map { "\($0)" }).map { Node($0, Tag(.int)) }
    case (Tag.Name.float.rawValue, Tag.Name.float.rawValue), (Tag.Name.float.rawValue, Tag.Name.int.rawValue):
      return value.float.flatMap { $0.isFinite ? Node(number: $0) : nil }
    case (Tag.Name.bool.rawValue, _), (Tag.Name.int.rawValue, _), (Tag.Name.float.rawValue, _):
      return nil
    default:
      return value.isNull ? nil : Node(scalar.string, Tag(.str), .doubleQuoted)
    }
  }
}
