import Yams

extension Configuration {
  /// The defaults, with each layer and then each override laid over them.
  ///
  /// - Parameters:
  ///   - section: the part of every layer that is read; the others are left to their own readers.
  ///   - layers: documents, in the order they apply.
  ///   - overrides: `key.path=value`, relative to the section; the value is YAML (`3e-4`, `true`, `[1, 2]`).
  ///   - completing: the layers, with those among them that such a configuration implies.
  ///   - note: is told in one line each of settings that have another name now, and of values that do nothing now.
  /// - Throws: `ConfigurationError.invalid` with every unknown key and every value of the wrong type, each under its
  ///   file and line; if there are none, with everything that `check` reports.
  public static func load(
    _ section: ConfigurationSection, from layers: [Preset] = [], overrides: [String] = [],
    completing: (Self, [Preset]) -> [Preset] = { $1 }, note: (FormerSetting, String) -> Void = { _, _ in }
  ) throws -> Self {
    var overlay = try Overlay(on: Self())
    for layer in layers { overlay.apply(layer, section: section) }
    for text in overrides { overlay.apply(override: text) }
    guard overlay.problems.isEmpty else { throw ConfigurationError.invalid(overlay.problems) }

    let configuration: Self
    do {
      configuration = try YAMLDecoder().decode(Self.self, from: overlay.tree)
    } catch let error as DecodingError {
      throw ConfigurationError.invalid([overlay.problem(error)])
    }
    let completed = completing(configuration, layers)
    if completed != layers { return try load(section, from: completed, overrides: overrides, note: note) }
    var problems = Problems()
    configuration.check(&problems)
    guard problems.found.isEmpty else {
      throw ConfigurationError.invalid(problems.found.map { overlay.located($0.key, "\($0.key) \($0.message)") })
    }
    for (former, text) in overlay.notes { note(former, text) }
    return configuration
  }
}

extension Overlay {
  /// Lays the section of a whole document over the tree.
  mutating func apply(_ layer: Preset, section: ConfigurationSection) {
    let document: Node?
    do {
      document = try Yams.compose(yaml: layer.yaml)
    } catch {
      problems.append(syntaxProblem(error, in: layer.name))
      return
    }
    guard let document, !document.isNull else { return }
    guard case .mapping(let sections) = document else {
      let names = ConfigurationSection.allCases.map { "'\($0.rawValue)'" }.joined(separator: " and ")
      problems.append("\(layer.name): is \(document.kindFound), expected a mapping with the sections \(names)")
      return
    }
    for (key, settings) in sections {
      let name = key.string ?? key.kindFound
      guard let known = ConfigurationSection(rawValue: name) else {
        let names = ConfigurationSection.allCases.map(\.rawValue)
        problems.append(
          "\(layer.name):\(key.mark?.line ?? 1): unknown section '\(name)'; did you mean '\(sortedByDistance(names, to: name)[0])'?"
        )
        continue
      }
      if known == section { apply(settings, from: .document(layer.name, section: name)) }
    }
  }

  /// Lays one `key.path=value` over the tree.
  mutating func apply(override text: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let keys = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !keys.contains("") else {
      problems.append("--set \(text): expected 'key.path=value'")
      return
    }
    do {
      let value = try Yams.compose(yaml: parts[1]) ?? Node("", Tag(.str), .doubleQuoted)
      apply(keys.reversed().reduce(value) { Node([(Node($1), $0)]) }, from: .override(text))
    } catch {
      problems.append("--set \(text): the value is not YAML; quote it, as in '\(parts[0])=\"…\"'")
    }
  }

  /// A value that only decoding could find wrong, such as one too large for its type.
  fileprivate func problem(_ error: DecodingError) -> String {
    let context =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
        .dataCorrupted(let context):
        context
      @unknown default:
        DecodingError.Context(codingPath: [], debugDescription: "\(error)")
      }
    let named = context.codingPath.prefix { $0.intValue == nil }.map(\.stringValue).joined(separator: ".")
    return located(named, "\(named) cannot be read: \(context.debugDescription)")
  }
}

private func syntaxProblem(_ error: any Error, in name: String) -> String {
  switch error {
  case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
    YamlError.composer(_, let problem, let mark, _):
    "\(name):\(mark.line): not YAML: \(problem)"
  case YamlError.duplicatedKeysInMapping(let keys, let context):
    "\(name):\(context.mark.line): '\(keys.joined(separator: "', '"))' stands more than once in one section; keep one"
  default:
    "\(name): not YAML: \(String(describing: error).replacing("\n", with: " "))"
  }
}
