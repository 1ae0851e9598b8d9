import Foundation
import Testing
import Torch

/// Expected numbers from a file of fixtures, and a record of which of them were compared.
///
/// A name with a part `in`, `param` or `hp` is an input, every other one a result. The files are those of `Fixtures`,
/// or of the folder that `DITTO_GOLDEN` names: the same tests then run on its files, whatever their sizes.
final class Golden {
  private let name: String
  private let file: Safetensors
  private var read: Set<String> = []
  private var compared: Set<String> = []

  /// - Throws: `TorchError.unreadable` where the folder has no such file.
  init(_ name: String) throws {
    self.name = name + ".safetensors"
    let chosen = ProcessInfo.processInfo.environment["DITTO_GOLDEN"] ?? ""
    let folder =
      chosen.isEmpty ? Bundle.module.resourceURL!.appendingPathComponent("Fixtures") : URL(fileURLWithPath: chosen)
    file = try Safetensors(at: folder.appendingPathComponent(self.name))
  }

  /// - Throws: `TorchError.missingTensor`.
  subscript(_ name: String) -> Tensor {
    get throws {
      read.insert(name)
      return try file.tensor(name)
    }
  }

  /// A scalar setting: of a float32 the short decimal number that it stands for.
  func setting(_ name: String) throws -> Double {
    let stored = try self[name]
    return stored.type == .float64 ? stored.item : Double(stored.values(as: Float.self)[0].description)!
  }

  func size(_ name: String) throws -> Int {
    try #require(Int(exactly: setting(name)), "\(self.name): '\(name)' is no whole number")
  }

  /// The different parts that stand next after `prefix`: `case0`, `case1`, … of `eq13.`; there must be some.
  func parts(after prefix: String) throws -> [String] {
    let all = Set(
      file.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count).prefix { $0 != "." }) })
    try #require(!all.isEmpty, "\(name): has no tensor '\(prefix)…'")
    return all.sorted()
  }

  // Modules

  typealias NamedParameters = [(name: String, parameter: Parameter)]

  /// Replaces `module`'s parameters by the inputs `prefix + …`; returns them under the file's names.
  /// - Parameter rename: a parameter's path in the module to its name in the file.
  func load(_ module: some Module, from prefix: String = "param.", naming rename: (String) -> String) throws
    -> NamedParameters
  {
    let parameters = module.namedParameters.map { (name: rename($0.name), parameter: $0.parameter) }
    try restore(parameters, from: prefix)
    return parameters
  }

  func restore(_ parameters: NamedParameters, from prefix: String = "param.") throws {
    for (name, parameter) in parameters {
      read.insert(prefix + name)
      parameter.assign(try file.tensor(prefix + name, shape: parameter.shape))
    }
  }

  // Comparing

  /// Compares shape, type where it is float64, NaNs and every value; scalars are stored with shape `[1]`.
  /// - Parameter rounding: what a value may be off by besides, where it is a small difference of larger ones.
  /// - Parameter share: of a tensor's largest value that each may be off by; nil for what its type allows.
  func compare(
    _ name: String, _ actual: Tensor, rounding: Double = 0, share: Double? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    compared.insert(name)
    if let problem = difference(actual, from: try file.tensor(name), rounding, share) {
      Issue.record("\(self.name): '\(name)' \(problem)", sourceLocation: sourceLocation)
    }
  }

  /// Compares values after optimiser steps, and then how far they moved from `start`: steps are so small beside the
  /// values that these alone could agree without decay, or without a step.
  func compare(
    _ name: String, _ actual: Tensor, movedFrom start: Tensor, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try compare(name, actual, sourceLocation: sourceLocation)
    let rounding = 0x1p-22 * start.values(as: Double.self).reduce(0) { max($0, abs($1)) }
    if let problem = difference(noGrad { actual - start }, from: try file.tensor(name) - start, rounding) {
      Issue.record("\(self.name): how '\(name)' moved \(problem)", sourceLocation: sourceLocation)
    }
  }

  /// Compares the parameters after steps from the inputs `param.…` with `prefix + name`.
  func compare(_ prefix: String, moved parameters: NamedParameters, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    for (name, parameter) in parameters {
      try compare(prefix + name, parameter, movedFrom: file.tensor("param." + name), sourceLocation: sourceLocation)
    }
  }

  /// Compares the gradients of `loss` with `prefix + name`; one that does not exist is stored as zeros or not at all.
  func compare(
    _ prefix: String, gradientsOf loss: Tensor, _ parameters: NamedParameters, share: Double? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let found = gradients(of: loss, withRespectTo: parameters.map(\.parameter))
    for ((name, parameter), gradient) in zip(parameters, found) where gradient != nil || file.contains(prefix + name) {
      try compare(prefix + name, gradient ?? .zeros(parameter.shape), share: share, sourceLocation: sourceLocation)
    }
  }

  /// Says how many results were compared. Fails where one was left out, or a parameter was not loaded.
  /// - Parameter prefixes: how names begin that belong to methods this package does not have yet, or differs in on
  ///   purpose.
  func finish(leavingOut prefixes: [String] = [], sourceLocation: SourceLocation = #_sourceLocation) {
    let open = file.names.filter { name in
      let parts = name.split(separator: ".")
      if parts.contains("param") { return !read.contains(name) }
      return !parts.contains("in") && !parts.contains("hp") && !compared.contains(name)
    }
    let left = open.filter { name in !prefixes.contains { name.hasPrefix($0) } }
    let skipped = open.count == left.count ? "" : "; \(open.count - left.count) are left out on purpose"
    print("\(name): compared \(compared.count) of \(compared.count + left.count) tensors\(skipped)")
    if compared.isEmpty { Issue.record("\(name): no tensor was compared", sourceLocation: sourceLocation) }
    if !left.isEmpty {
      Issue.record("\(name): not compared: \(left.joined(separator: ", "))", sourceLocation: sourceLocation)
    }
  }
}

/// What is wrong with `actual`, if anything: each value may be off by 1e-4 of the largest (1e-6 in float64) and 1e-7.
private func difference(_ actual: Tensor, from expected: Tensor, _ rounding: Double, _ share: Double? = nil) -> String?
{
  guard actual.shape == expected.shape || (actual.shape == [] && expected.shape == [1]) else {
    return "has shape \(actual.shape), expected \(expected.shape)"
  }
  let isDouble = expected.type == .float64
  guard !isDouble || actual.type == .float64 else { return "was computed in \(actual.type), expected float64" }
  let (found, wanted) = (actual.values(as: Double.self), expected.values(as: Double.self))
  let largest = wanted.lazy.filter(\.isFinite).map(abs).max() ?? 0
  let tolerance = (share ?? (isDouble ? 1e-6 : 1e-4)) * largest + 1e-7 + rounding
  let off = wanted.indices.filter { i in
    !(found[i] == wanted[i] || (found[i].isNaN && wanted[i].isNaN) || abs(found[i] - wanted[i]) <= tolerance)
  }
  guard let worst = off.max(by: { abs(found[$0] - wanted[$0]) < abs(found[$1] - wanted[$1]) }) else { return nil }
  return
    "has \(off.count) of \(wanted.count) values off by more than \(tolerance); element \(worst) is \(found[worst]), expected \(wanted[worst])"
}
