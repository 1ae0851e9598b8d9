import CTorch

/// Where a tensor lives and is computed on.
public enum Device: String, CaseIterable, Sendable, Codable, CustomStringConvertible {
  case cpu, cuda, mps

  init(_ device: CTDevice) { self = device == CTCUDA ? .cuda : device == CTMPS ? .mps : .cpu }
  var c: CTDevice { self == .cuda ? CTCUDA : self == .mps ? CTMPS : CTCPU }

  public var description: String { rawValue }
  public var isAvailable: Bool { ct_device_available(c) }

  /// This device, if this machine and this libtorch have it; there is no silent fallback.
  /// - Throws: `TorchError.noDevice`.
  public func required() throws -> Device {
    guard isAvailable else { throw TorchError.noDevice(self) }
    return self
  }
}

/// The precision that matrix products and convolutions run in; parameters, losses and distributions stay float32, but for the weights of what is
/// frozen (`Module.freeze(computingIn:)`).
public enum Precision: String, CaseIterable, Sendable, Codable {
  case f32, bf16
}

public enum TorchError: Error, Equatable, CustomStringConvertible {
  case noDevice(Device)
  case unreadable(file: String, reason: String)
  case damaged(file: String, reason: String)
  case missingTensor(file: String, name: String)
  case wrongShape(file: String, name: String, expected: [Int], found: [Int])

  public var description: String {
    switch self {
    case .noDevice(let device):
      let there = Device.allCases.filter(\.isAvailable).map(\.rawValue).joined(separator: ", ")
      return "device '\(device)' is not available here (there is: \(there)); choose another --device, or install a libtorch built for it"
    case .unreadable(let file, let reason):
      return "\(file): cannot be read: \(reason)"
    case .damaged(let file, let reason):
      return "\(file): \(reason); it is no safetensors file, or it is damaged"
    case .missingTensor(let file, let name):
      return "\(file): has no tensor '\(name)'; was it saved with another configuration?"
    case .wrongShape(let file, let name, let expected, let found):
      return "\(file): tensor '\(name)' has shape \(found), expected \(expected); was it saved with another configuration?"
    }
  }
}

/// The process-wide settings of libtorch.
public enum Libtorch {
  public static var version: String { String(cString: ct_version()) }
  public static var threads: Int {
    get { Int(ct_threads()) }
    set { ct_set_threads(Int32(newValue)) }
  }

  /// Keeps freed memory in the process: training allocates the same large blocks at every step, and faulting them in anew
  /// costs more than computing on them. For programs, not for libraries; call it first.
  public static func keepMemory() { ct_keep_memory() }
}
