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
  /// Bounds, flat, of boxes of few numbers; those of pictures are many and known.
  let low, high: [Double]?
  /// Of a `Dict` by its keys, of a `Tuple` as files call them.
  let subspaces: [(name: String, space: SpaceDescription)]

  /// A whole number, or an array of them of any shape, flat.
  struct Numbers: Decodable {
    let values: [Int]
    let isArray: Bool
    /// Of the array; empty of a number.
    let shape: [Int]

    /// Of what is no array.
    var single: Int? { isArray ? nil : values[0] }

    init(from decoder: any Decoder) throws {
      let single = try decoder.singleValueContainer()
      if let value = try? single.decode(Int.self) {
        (values, isArray, shape) = ([value], false, [])
      } else {
        let inner = try single.decode([Numbers].self)
        (values, isArray, shape) = (inner.flatMap(\.values), true, [inner.count] + (inner.first?.shape ?? []))
      }
    }
  }

  /// A number, or an array of them of any shape, flat.
  private struct Bounds: Decodable {
    let values: [Double]

    init(from decoder: any Decoder) throws {
      let single = try decoder.singleValueContainer()
      if let flat = try? single.decode([Double].self) {
        values = flat
      } else if let value = try? single.decode(Double.self) {
        values = [value]
      } else if let value = try? single.decode(Bool.self) {
        values = [value ? 1 : 0]
      } else {
        values = try single.decode([Bounds].self).flatMap(\.values)
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
    let isBounded =
      type == "Box"
      && shape.map { $0.count == 1 || $0.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue } <= 1024 }
        ?? false
    low = isBounded ? try values.decodeIfPresent(Bounds.self, forKey: .low)?.values : nil
    high = isBounded ? try values.decodeIfPresent(Bounds.self, forKey: .high)?.values : nil
    subspaces =
      switch type {
      case "Dict":
        try values.decode([String: SpaceDescription].self, forKey: .subspaces).sorted { $0.key < $1.key }.map {
          (name: $0.key, space: $0.value)
        }
      case "Tuple":
        try values.decode([SpaceDescription].self, forKey: .subspaces).enumerated().map {
          (name: "_index_\($0)", space: $1)
        }
      default: []
      }
  }

  var summary: String {
    if !subspaces.isEmpty {
      return "\(type) of \(subspaces.map { "'\($0.name)' (\($0.space.summary))" }.joined(separator: ", "))"
    }
    let size =
      n.map { $0.isArray ? "of \($0.values)" : "of \($0.values[0])" } ?? nvec.map { "of \($0.values)" }
      ?? shape.map { "\($0)" }
    return [type, dtype, size].compactMap { $0 }.joined(separator: " ")
  }

  /// Of what has classes, how many each group has, the number of the first of each, and the shape in a file; nil of
  /// other spaces, and of classes that nobody could count.
  fileprivate var classes: (counts: [Int], starts: [Int], shape: [Int])? {
    let counts: [Int]
    var shape: [Int]
    switch type {
    case "Discrete":
      guard let count = n?.single, start?.isArray != true else { return nil }
      (counts, shape) = ([count], [])
    case "MultiDiscrete":
      guard let nvec else { return nil }
      (counts, shape) = (nvec.values, nvec.shape)
    case "MultiBinary":
      guard let n, n.values.allSatisfy({ (0...ObservationSpace.largestVector).contains($0) }) else { return nil }
      let count = n.values.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      guard (0...ObservationSpace.largestVector).contains(count) else { return nil }
      (counts, shape) = ([Int](repeating: 2, count: count), n.values)
    default: return nil
    }
    let starts = start?.values ?? counts.map { _ in 0 }
    guard starts.count == counts.count, starts.allSatisfy({ $0.magnitude <= Int32.max }) else { return nil }
    return (counts, starts, shape)
  }

  /// How many numbers a box has that is no picture; nil of other spaces.
  fileprivate var numberCount: Int? {
    guard type == "Box", let shape, let dtype, shape.count <= 4,
      shape.allSatisfy({ (1...ObservationSpace.largestVector).contains($0) })
    else { return nil }
    guard let kind = dtype.firstMatch(of: /^(float|int|uint|bool)/),
      kind.1 != "float" || ["float32", "float64"].contains(dtype)
    else { return nil }
    let count = shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    return (1...ObservationSpace.largestVector).contains(count) ? count : nil
  }

  /// The spaces that it is made of, by their names below it.
  fileprivate func leaves(below path: [String] = []) -> [(path: [String], space: SpaceDescription)] {
    subspaces.isEmpty ? [(path, self)] : subspaces.flatMap { $0.space.leaves(below: path + [$0.name]) }
  }
}

/// Whether the last of three axes of a picture has the channels: the one beside two equal ones, else the shorter end.
private func hasChannelsLast(_ shape: [Int]) -> Bool {
  (shape[0] == shape[1]) == (shape[1] == shape[2]) ? shape[2] <= shape[0] : shape[0] == shape[1]
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
  /// The names of what is text beside them.
  let leftOut: [String]

  private static let field = "observations"

  init(_ space: ObservationSpace) {
    (self.space, leftOut) = (space, [])
    parts = space.fields.map { field in
      let name = space.isSingle ? Self.field : "\(Self.field)/\(field.name)"
      return switch field.kind {
      case .image: Part(field: name, shape: field.shape, form: .pixels(channelsLast: false))
      case .vector: Part(field: name, shape: field.shape, form: .numbers)
      case .classes(let counts):
        Part(field: name, shape: counts.count == 1 ? [] : [counts.count], form: .classes(starts: counts.map { _ in 0 }))
      }
    }
  }

  /// The key of `metadata.json` under which a file says that the channels of its pictures come first, where their
  /// shapes alone may not tell.
  static let channelsKey = "ditto_channels"

  /// - Parameter channelsFirst: whether pictures of three axes are `[C, Y, X]`; if not, their shapes tell.
  /// - Throws: `unsupportedObservations`.
  init(_ described: SpaceDescription, channelsFirst: Bool = false, file: String) throws {
    let all = described.leaves()
    leftOut = all.filter { !$0.path.isEmpty && $0.space.type == "Text" }.map { $0.path.joined(separator: "/") }
    let leaves = all.filter { $0.path.isEmpty || $0.space.type != "Text" }.map { leaf in
      let name = leaf.path.isEmpty ? ObservationSpace.single : leaf.path.joined(separator: "/")
      let found = Self.part(
        leaf.space, ([Self.field] + leaf.path).joined(separator: "/"), channelsFirst: channelsFirst)
      return found.map { (field: ObservationSpace.Field(name, $0.kind), part: $0.part) }
    }
    let known = leaves.compactMap { $0 }.sorted {
      ($0.field.isImage ? 0 : 1, $0.field.name) < ($1.field.isImage ? 0 : 1, $1.field.name)
    }
    (space, parts) = (ObservationSpace(known.map(\.field)), known.map(\.part))
    guard known.count == leaves.count, space.isSupported else {
      throw DemonstrationError.unsupportedObservations(file: file, found: described.summary)
    }
  }

  /// What a space without others in it is stored as; nil of one that there is no field for.
  private static func part(_ space: SpaceDescription, _ field: String, channelsFirst: Bool) -> (
    kind: ObservationSpace.Field.Kind, part: Part
  )? {
    if let (counts, starts, shape) = space.classes {
      return (.classes(counts), Part(field: field, shape: shape, form: .classes(starts: starts)))
    }
    // Four axes, such as a stack of pictures that have channels each, could be meant in many ways.
    if space.type == "Box", space.dtype == "uint8", let shape = space.shape, shape.count > 1 {
      guard shape.count < 4 else { return nil }
      let isLast = shape.count == 3 && !channelsFirst && hasChannelsLast(shape)
      let (channels, height, width) =
        shape.count == 2
        ? (1, shape[0], shape[1]) : isLast ? (shape[2], shape[0], shape[1]) : (shape[0], shape[1], shape[2])
      return (
        .image(channels: channels, height: height, width: width),
        Part(field: field, shape: shape, form: .pixels(channelsLast: isLast && channels > 1))
      )
    }
    guard let count = space.numberCount, let shape = space.shape else { return nil }
    return (.vector(count), Part(field: field, shape: shape, form: .numbers))
  }

  /// The space as Minari's metadata have it, bounds included.
  var json: String {
    let fields = zip(space.fields, parts).map { field, part -> (path: [String], json: String) in
      (space.isSingle ? [] : field.name.split(separator: "/").map(String.init), Self.json(of: field, shape: part.shape))
    }
    return nestedJSON(of: fields)
  }

  private static func json(of field: ObservationSpace.Field, shape: [Int]) -> String {
    let nested = { (value: String) in
      shape.reversed().reduce(value) { inner, count in
        "[" + repeatElement(inner, count: count).joined(separator: ", ") + "]"
      }
    }
    switch field.kind {
    case .image:
      return
        #"{"type": "Box", "dtype": "uint8", "shape": \#(shape), "low": \#(nested("0")), "high": \#(nested("255"))}"#
    case .vector:
      return
        #"{"type": "Box", "dtype": "float32", "shape": \#(shape), "low": \#(nested("-Infinity")), "high": \#(nested("Infinity"))}"#
    case .classes(let counts):
      return counts.count == 1
        ? #"{"type": "Discrete", "dtype": "int64", "start": 0, "n": \#(counts[0])}"#
        : #"{"type": "MultiDiscrete", "dtype": "int64", "nvec": \#(counts), "start": \#(counts.map { _ in 0 })}"#
    }
  }
}

/// Where a dataset's file has the parts of what is done.
struct StoredActions {
  /// Of one step.
  struct Part {
    /// Below an episode's group.
    let field: String
    let shape: [Int]
  }

  let space: ActionSpace
  /// In the order of the space's parts, that of their names.
  let parts: [Part]

  private static let field = "actions"

  init(_ space: ActionSpace) {
    self.space = space
    parts = space.parts.map { part in
      let count = part.classCounts.count + part.low.count
      let isScalar = part.classCounts.count == 1
      return Part(field: space.isSingle ? Self.field : "\(Self.field)/\(part.name)", shape: isScalar ? [] : [count])
    }
  }

  /// - Throws: `unsupportedActions`.
  init(_ described: SpaceDescription, file: String) throws {
    let unsupported = { DemonstrationError.unsupportedActions(file: file, found: $0) }
    var (known, parts) = ([ActionSpace.Part](), [Part]())
    for leaf in described.leaves() {
      let name = leaf.path.isEmpty ? ActionSpace.single : leaf.path.joined(separator: "/")
      let field = ([Self.field] + leaf.path).joined(separator: "/")
      if let (counts, starts, shape) = leaf.space.classes {
        known.append(.init(name, .classes(counts, starts: starts)))
        parts.append(Part(field: field, shape: shape))
      } else if let count = leaf.space.numberCount, leaf.space.dtype != "uint8" || leaf.space.shape!.count == 1 {
        let bound = { (values: [Double]?, missing: Float) in
          values?.map(Float.init) ?? [Float](repeating: missing, count: count)
        }
        let (low, high) = (bound(leaf.space.low, -.infinity), bound(leaf.space.high, .infinity))
        guard low.count == count, high.count == count else {
          throw unsupported("\(described.summary) with bounds of another shape")
        }
        // Also where one is NaN.
        guard zip(low, high).allSatisfy({ $0 <= $1 }) else {
          throw unsupported("\(described.summary) with bounds that are no numbers, or the lower above the upper one")
        }
        known.append(.init(name, .box(low: low, high: high)))
        parts.append(Part(field: field, shape: leaf.space.shape!))
      } else {
        throw unsupported(described.summary)
      }
    }
    let order = known.indices.sorted { known[$0].name < known[$1].name }
    (space, self.parts) = (ActionSpace(order.map { known[$0] }), order.map { parts[$0] })
    guard space.isSupported else { throw unsupported(described.summary) }
  }

  /// The space as Minari's metadata have it.
  var json: String {
    nestedJSON(
      of: space.parts.map { part in
        (path: space.isSingle ? [] : part.name.split(separator: "/").map(String.init), json: Self.json(of: part))
      })
  }

  private static func json(of part: ActionSpace.Part) -> String {
    switch part.kind {
    case .classes(let counts, let starts):
      counts.count == 1
        ? #"{"type": "Discrete", "dtype": "int64", "start": \#(starts[0]), "n": \#(counts[0])}"#
        : #"{"type": "MultiDiscrete", "dtype": "int64", "nvec": \#(counts), "start": \#(starts)}"#
    case .box(let low, let high):
      #"{"type": "Box", "dtype": "float32", "shape": [\#(low.count)], "low": \#(numbers(low)), "high": \#(numbers(high))}"#
    }
  }

  /// As Python's `json` writes them, infinities included.
  private static func numbers(_ values: [Float]) -> String {
    "[\(values.map { $0.magnitude < .greatestFiniteMagnitude ? "\($0)" : $0 < 0 ? "-Infinity" : "Infinity" }.joined(separator: ", "))]"
  }
}

/// A space of spaces by their paths, with a `Dict` at each level; the one alone that has no path.
private func nestedJSON(of parts: [(path: [String], json: String)]) -> String {
  if parts.count == 1, parts[0].path.isEmpty { return parts[0].json }
  let keys = parts.map { $0.path[0] }.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
  let inner = keys.map { key in
    let below = parts.filter { $0.path[0] == key }.map { (path: Array($0.path.dropFirst()), json: $0.json) }
    let quoted = String(decoding: (try? JSONEncoder().encode(key)) ?? Data(), as: UTF8.self)
    return "\(quoted): \(nestedJSON(of: below))"
  }
  return #"{"type": "Dict", "subspaces": {\#(inner.joined(separator: ", "))}}"#
}
