import CTorch

/// A tensor that is learned; optimisers and checkpoints write to it in place.
public final class Parameter: Tensor {
  /// Takes over `initial`'s values.
  public init(_ initial: Tensor) {
    var out = CTTensor()
    let values = initial.detached()
    check(ct_detach(values.handle, &out), "parameter", [values])
    super.init(owning: out)
    isTrained = true
  }

  /// Whether gradients are taken for it.
  public var isTrained: Bool {
    get { takesGradient }
    set { check(ct_set_requires_gradient(handle, newValue), "require a gradient", [self]) }
  }

  fileprivate func storeInBF16() { check(ct_store_in_bf16(handle), "store in bf16", [self]) }

  /// Replaces the values by those of `other`, of the same shape.
  public func assign(_ other: Tensor) {
    precondition(other.shape == shape, "cannot assign \(other) to a parameter of shape \(shape)")
    overwrite(with: other)
  }
}

extension Tensor {
  /// Writes the values of `other`, of the same shape, in place.
  func overwrite(with other: Tensor) { check(ct_assign(handle, other.handle), "assign", [self, other]) }
}

/// Something with parameters: its own, and those of the modules it stores.
///
/// Parameters are found by reflection. The path of properties to one (`layers.0.weight`) is its name in checkpoints.
public protocol Module: AnyObject {}

/// A module whose parts have names of their own in checkpoints, instead of their properties'.
public protocol NamedParts: Module {
  /// In the order of `namedParameters`.
  var namedParts: [(name: String, part: any Module)] { get }
}

extension Module {
  /// All parameters with their names, in the order of declaration.
  public var namedParameters: [(name: String, parameter: Parameter)] {
    var found: [(String, Parameter)] = []
    collect(from: self, path: [], into: &found)
    return found
  }
  public var parameters: [Parameter] { namedParameters.map(\.parameter) }

  /// Stops gradients for all parameters, as for a model that only serves.
  public func freeze() { for parameter in parameters { parameter.isTrained = false } }

  /// Stops gradients, and where computation is in bf16 rounds the weights of products and convolutions to it and stores
  /// them so: a product of a few rows takes as long as reading them, and others need not convert them.
  public func freeze(computingIn precision: Precision) {
    freeze()
    guard precision == .bf16 else { return }
    for parameter in parameters where parameter.shape.count > 1 && parameter.device != .mps { parameter.storeInBF16() }
  }

  /// Copies every value from `other`, a module built alike.
  public func copyParameters(from other: Self) {
    for (mine, theirs) in zip(parameters, other.parameters) { mine.assign(theirs) }
  }
}

private func collect(from value: Any, path: [String], into found: inout [(String, Parameter)]) {
  if let named = value as? NamedParts {
    for (name, part) in named.namedParts { collect(from: part, path: path + [name], into: &found) }
    return
  }
  var mirror: Mirror? = Mirror(reflecting: value)
  while let level = mirror {
    for (index, child) in level.children.enumerated() {
      let here = path + [child.label?.replacingOccurrences(lazyPrefix: "$__lazy_storage_$_") ?? String(index)]
      visit(child.value, here, &found)
    }
    mirror = level.superclassMirror
  }
}

private func visit(_ value: Any, _ path: [String], _ found: inout [(String, Parameter)]) {
  switch value {
  case let parameter as Parameter: found.append((path.joined(separator: "."), parameter))
  case is Tensor: break
  case let module as Module: collect(from: module, path: path, into: &found)
  case let several as [Any] where !several.isEmpty && Mirror(reflecting: value).displayStyle == .collection:
    for (index, element) in several.enumerated() { visit(element, path + [String(index)], &found) }
  default:
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: if let wrapped = mirror.children.first { visit(wrapped.value, path, &found) }
    case .struct, .tuple, .dictionary, .enum, .set:
      var hidden: [(String, Parameter)] = []
      for child in mirror.children { visit(child.value, path + [child.label ?? "?"], &hidden) }
      precondition(
        hidden.isEmpty,
        "the parameter '\(hidden.first?.0 ?? "")' hides in a \(mirror.displayStyle!), where it would not be trained; store it in a module or an array"
      )
    default: break
    }
  }
}

extension String {
  fileprivate func replacingOccurrences(lazyPrefix prefix: String) -> String {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
  }
}
