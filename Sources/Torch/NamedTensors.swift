/// Tensors by the names that they have in files, in the order of the files. What writes them out names the tensors
/// themselves, so that the same list says where a file is read back into.
public typealias NamedTensors = [(name: String, tensor: Tensor)]

extension Array where Element == (name: String, tensor: Tensor) {
  /// The same, with `prefix` before each name.
  public func under(_ prefix: String) -> NamedTensors { map { (prefix + $0.name, $0.tensor) } }
}

extension Module {
  /// All parameters.
  public var state: NamedTensors { namedParameters.map { ($0.name, $0.parameter) } }

  /// Replaces every parameter by the tensor `prefix + name` of the file.
  /// - Throws: as `restore` of the file.
  public func load(from file: Safetensors, prefix: String = "") throws { try file.restore(state.under(prefix)) }
}

extension Safetensors {
  /// Writes into each tensor what the file has under its name.
  /// - Throws: `TorchError` where one is missing or has another shape, before anything is written.
  public func restore(_ tensors: NamedTensors) throws {
    for (name, tensor) in tensors { try check(name, shape: tensor.shape) }
    for (name, tensor) in tensors { tensor.overwrite(with: try self.tensor(name, on: tensor.device)) }
  }
}
