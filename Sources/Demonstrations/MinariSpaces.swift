import Foundation
import Spaces

/// A space of Gymnasium as Minari writes it.
struct SpaceDescription: Decodable {
  let type: String
  let dtype: String?
  let shape: [Int]?
  let start: Numbers?
  let n: Numbers?
  let nvec: Numbers?
  /// Bounds, of boxes of one axis; those of pictures are long and known.
  let low, high: [Double]?
  /// Of a `Dict` by its keys, of a `Tuple` as files call them.
  let subspaces: [(name: String, space: SpaceDescription)]

  /// A whole number, or an array of them of any shape, flat.
  struct Numbers: Decodable {
    let values: [Int]
    let isArray: Bool

    /// Of what is no array.
    var single: Int? { isArray ? nil : values[0] }

    init(from decoder: any Decoder) throws {
      let single = try decoder.singleValueContainer()
      if let value = try? single.decode(Int.self) {
        (values, isArray) = ([value], false)
      } else {
        (values, isArray) = (try single.decode([Numbers].self).flatMap(\.values), true)
      }
    }
  }

  private enum Keys: CodingKey { case type, dtype, shape, start, n, nvec, low, high, subspaces }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Keys.self)
    type = try values.decode(String.self, forKey: .type)
    dtype = try values.decodeIfPresent(String.self, forKey: .dtype)
    shape = try values.decodeIfPresent([Int].self, forKey: .shape)
    start = try values.decodeIfPresent(Numbers.self, forKey: .start)
    n = try values.decodeIfPresent(Numbers.self, forKey: .n)
    nvec = try values.decodeIfPresent(Numbers.self, forKey: .nvec)
    let isVector = type == "Box" && shape?.count == 1
    low = isVector ? try values.decodeIfPresent([Double].self, forKey: .low) : nil
    high = isVector ? try values.decodeIfPresent([Double].self, forKey: .high) : nil
    subspaces = switch type {
    case "Dict": try values.decode([String: SpaceDescription].self, forKey: .subspaces).sorted { $0.key < $1.key }.map { (name: $0.key, space: $0.value) }
    case "Tuple": try values.decode([SpaceDescription].self, forKey: .subspaces).enumerated().map { (name: "_index_\($0)", space: $1) }
    default: []
    }
  }

  var summary: String {
    if !subspaces.isEmpty { return "\(type) of \(subspaces.map { "'\($0.name)' (\($0.space.summary))" }.joined(separator: ", "))" }
    let size = n.map { $0.isArray ? "of \($0.values)" : "of \($0.values[0])" } ?? nvec.map { "of \($0.values)" } ?? shape.map { "\($0)" }
    return [type, dtype, size].compactMap { $0 }.joined(separator: " ")
  }

  fileprivate var isVector: Bool { type == "Box" && ["float32", "float64"].contains(dtype) && shape?.count == 1 && shape![0] > 0 }

  /// The spaces that it is made of, by their names below it.
  fileprivate func leaves(below path: [String] = []) -> [(path: [String], space: SpaceDescription)] {
    subspaces.isEmpty ? [(path, self)] : subspaces.flatMap { $0.space.leaves(below: path + [$0.name]) }
  }
}

/// Where a dataset's file has the fields of what is seen.
struct StoredObservations {
  /// A field as it is stored.
  struct Part {
    /// Below an episode's group.
    let field: String
    /// Of a frame.
    let shape: [Int]
    let form: Form
  }
  enum Form: Equatable {
    /// In the order of memory, `[C, Y, X]`, or `[Y, X, C]`.
    case pixels(channelsLast: Bool)
    case numbers
    /// The number of the first class of each group.
    case classes(starts: [Int])
  }

  let space: ObservationSpace
  /// In the order of the space's fields: pictures come first, and of each kind they are in the order of their names.
  let parts: [Part]

  private static let field = "observations"

  init(_ space: ObservationSpace) {
    self.space = space
    parts = space.fields.map { field in
      let name = space.isSingle ? Self.field : "\(Self.field)/\(field.name)"
      return switch field.kind {
      case .image: Part(field: name, shape: field.shape, form: .pixels(channelsLast: false))
      case .vector: Part(field: name, shape: field.shape, form: .numbers)
      case .classes(let counts): Part(field: name, shape: counts.count == 1 ? [] : [counts.count], form: .classes(starts: counts.map { _ in 0 }))
      }
    }
  }

  /// - Throws: `unsupportedObservations`.
  init(_ described: SpaceDescription, file: String) throws {
    let leaves = described.leaves().map { leaf in
      let name = leaf.path.isEmpty ? ObservationSpace.single : leaf.path.joined(separator: "/")
      let found = Self.part(leaf.space, ([Self.field] + leaf.path).joined(separator: "/"))
      return found.map { (field: ObservationSpace.Field(name, $0.kind), part: $0.part) }
    }
    let known = leaves.compactMap { $0 }.sorted { ($0.field.isImage ? 0 : 1, $0.field.name) < ($1.field.isImage ? 0 : 1, $1.field.name) }
    (space, parts) = (ObservationSpace(known.map(\.field)), known.map(\.part))
    guard known.count == leaves.count, space.isSupported else { throw DemonstrationError.unsupportedObservations(file: file, found: described.summary) }
  }

  /// What a space without others in it is stored as; nil of one that there is no field for.
  private static func part(_ space: SpaceDescription, _ field: String) -> (kind: ObservationSpace.Field.Kind, part: Part)? {
    let classes = { (counts: [Int], shape: [Int]) -> (ObservationSpace.Field.Kind, Part)? in
      let starts = space.start?.values ?? counts.map { _ in 0 }
      guard starts.count == counts.count, starts.allSatisfy({ $0.magnitude <= Int32.max }) else { return nil }
      return (.classes(counts), Part(field: field, shape: shape, form: .classes(starts: starts)))
    }
    switch space.type {
    case "Discrete":
      guard let count = space.n?.single, space.start?.isArray != true else { return nil }
      return classes([count], [])
    case "MultiDiscrete": return space.nvec.flatMap { classes($0.values, [$0.values.count]) }
    case "MultiBinary":
      guard let n = space.n, n.values.allSatisfy({ (0...ObservationSpace.largestVector).contains($0) }) else { return nil }
      let count = n.values.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      return (0...ObservationSpace.largestVector).contains(count) ? classes([Int](repeating: 2, count: count), n.values) : nil
    case "Box":
      guard let shape = space.shape, let dtype = space.dtype, shape.allSatisfy({ (1...ObservationSpace.largestVector).contains($0) }) else { return nil }
      // Four axes, such as a stack of pictures that have channels each, could be meant in many ways.
      if dtype == "uint8", shape.count > 3 { return nil }
      if dtype == "uint8", shape.count > 1 {
        // Of three axes the shorter one at an end has the channels.
        let isLast = shape.count == 3 && shape[2] <= shape[0]
        let (channels, height, width) = shape.count == 2 ? (1, shape[0], shape[1]) : isLast ? (shape[2], shape[0], shape[1]) : (shape[0], shape[1], shape[2])
        return (.image(channels: channels, height: height, width: width), Part(field: field, shape: shape, form: .pixels(channelsLast: isLast && channels > 1)))
      }
      guard shape.count <= 4, let kind = dtype.firstMatch(of: /^(float|int|uint|bool)/), kind.1 != "float" || ["float32", "float64"].contains(dtype) else { return nil }
      let count = shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      return (1...ObservationSpace.largestVector).contains(count) ? (.vector(count), Part(field: field, shape: shape, form: .numbers)) : nil
    default: return nil
    }
  }

  /// The space as Minari's metadata have it, bounds included.
  var json: String {
    let fields = zip(space.fields, parts).map { field, part -> (path: [String], json: String) in
      (space.isSingle ? [] : field.name.split(separator: "/").map(String.init), Self.json(of: field, shape: part.shape))
    }
    return Self.json(of: fields)
  }

  private static func json(of fields: [(path: [String], json: String)]) -> String {
    if fields.count == 1, fields[0].path.isEmpty { return fields[0].json }
    let keys = fields.map { $0.path[0] }.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let inner = keys.map { key in
      let below = fields.filter { $0.path[0] == key }.map { (path: Array($0.path.dropFirst()), json: $0.json) }
      return "\(quoted(key)): \(json(of: below))"
    }
    return #"{"type": "Dict", "subspaces": {\#(inner.joined(separator: ", "))}}"#
  }

  private static func quoted(_ text: String) -> String { String(decoding: (try? JSONEncoder().encode(text)) ?? Data(), as: UTF8.self) }

  private static func json(of field: ObservationSpace.Field, shape: [Int]) -> String {
    let nested = { (value: String) in
      shape.reversed().reduce(value) { inner, count in "[" + repeatElement(inner, count: count).joined(separator: ", ") + "]" }
    }
    switch field.kind {
    case .image: return #"{"type": "Box", "dtype": "uint8", "shape": \#(shape), "low": \#(nested("0")), "high": \#(nested("255"))}"#
    case .vector: return #"{"type": "Box", "dtype": "float32", "shape": \#(shape), "low": \#(nested("-Infinity")), "high": \#(nested("Infinity"))}"#
    case .classes(let counts):
      return counts.count == 1
        ? #"{"type": "Discrete", "dtype": "int64", "start": 0, "n": \#(counts[0])}"#
        : #"{"type": "MultiDiscrete", "dtype": "int64", "nvec": \#(counts), "start": \#(counts.map { _ in 0 })}"#
    }
  }
}

/// What a dataset's file calls its actions: discrete ones may begin at another number than 0.
struct StoredActions: Equatable {
  let space: ActionSpace
  let start: Int

  init(_ space: ActionSpace) { (self.space, start) = (space, 0) }

  /// - Throws: `unsupportedActions`.
  init(_ described: SpaceDescription, file: String) throws {
    let unsupported = { DemonstrationError.unsupportedActions(file: file, found: $0) }
    if described.isVector {
      guard let low = described.low, let high = described.high, low.count == described.shape![0], high.count == low.count,
        zip(low, high).allSatisfy({ $0.isFinite && $1.isFinite && $0 < $1 })
      else { throw unsupported("\(described.summary) without finite bounds") }
      (space, start) = (.box(low: low.map(Float.init), high: high.map(Float.init)), 0)
      guard space.isSupported else { throw unsupported("\(described.summary) with bounds that are too far apart, or too close, or too many numbers") }
      return
    }
    guard described.type == "Discrete", let count = described.n?.single, described.start?.isArray != true, ActionSpace.discrete(count).isSupported else {
      throw unsupported(described.summary)
    }
    start = described.start?.single ?? 0
    guard start.magnitude <= Int32.max else { throw unsupported("Discrete from \(start)") }
    space = .discrete(count)
  }

  var json: String {
    switch space {
    case .discrete(let count): #"{"type": "Discrete", "dtype": "int64", "start": \#(start), "n": \#(count)}"#
    case .box(let low, let high): #"{"type": "Box", "dtype": "float32", "shape": [\#(low.count)], "low": \#(low), "high": \#(high)}"#
    }
  }
}
