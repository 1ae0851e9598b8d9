import CTorch

/// Where a tensor lives and is computed on.
public enum Device: String, CaseIterable, Sendable, Codable, CustomStringConvertible {
  case cpu, cuda, mps

  init(_ device: CTDevice) { self = device == CTCUDA ? .cuda : device == CTMPS ? .mps : .cpu }
  var c: CTDevice { self == .cuda ? CTCUDA : self == .mps ? CTMPS : CTCPU }

  public var description: String { rawValue }
  public var isAvailable: Bool { ct_device_available(c) }
  /// What it is, such as a card's name, memory and driver; or why there is none.
  public var facts: String { String(cString: ct_describe_device(c)) }
  /// The most memory that its tensors have held, in GiB; 0 for the CPU, whose memory is the process's.
  public var peakMemory: Double { Double(ct_peak_device_memory(c)) / Double(1 << 30) }

  /// This device, if this machine and this libtorch have it; there is no silent fallback. Its results are then the same
  /// from run to run, and float32 is no less.
  /// - Throws: `TorchError.noDevice`.
  public func required() throws -> Device {
    guard isAvailable else { throw TorchError.noDevice(self) }
    ct_prepare_device(c)
    return self
  }
}

/// The precision that matrix products and convolutions run in; parameters, losses and distributions stay float32, but
/// for the weights of what is frozen (`Module.freeze(computingIn:)`).
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
      return
        "device '\(device)' is not available here (there is: \(there)): \(device.facts) (libtorch \(Libtorch.version)); choose another --device, or see docs/gpu.md"
    case .unreadable(let file, let reason):
      return "\(file): cannot be read: \(reason)"
    case .damaged(let file, let reason):
      return "\(file): \(reason); it is no safetensors file, or it is damaged"
    case .missingTensor(let file, let name):
      return "\(file): has no tensor '\(name)'; was it saved with another configuration?"
    case .wrongShape(let file, let name, let expected, let found):
      return
        "\(file): tensor '\(name)' has shape \(found), expected \(expected); was it saved with another configuration?"
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

  /// How often this thread has read a tensor's numbers: each time it waits for all that the tensor's device was asked
  /// to compute.
  public static var hostReads: Int { Int(ct_host_reads()) }

  /// The CPU kernels of our own.
  public static var kernels: [Kernel] {
    var table = [CTKernel](repeating: CTKernel(), count: Int(ct_kernels(nil, 0)))
    ct_kernels(&table, Int32(table.count))
    return table.map(Kernel.init)
  }
  /// Whether they run: not where the environment's `DITTO_KERNELS` is `off`.
  public static var usesKernels: Bool { ct_kernels_on() }

  /// Runs `body`, on this thread, by libtorch's own operations alone: on the CPU what other devices compute by.
  public static func withoutKernels<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_kernels(false)
    defer { _ = ct_set_kernels(before) }
    return try body()
  }

  /// Keeps freed memory: training allocates the same large blocks at every step, and faulting them in anew
  /// costs more than computing on them. For programs, not for libraries; call it first.
  public static func keepMemory() { ct_keep_memory() }
}

/// A kernel of our own for the CPU, where it is faster than libtorch's operations. The table is in `Kernels.cpp`.
public struct Kernel: Sendable {
  public let name: String
  /// Types and shapes that it is for.
  public let operands: String
  public let processor: String
  /// The operations of libtorch's that compute the same.
  public let counterpart: String
  /// How often it ran on the thread that asked.
  public let runs: Int

  init(_ kernel: CTKernel) {
    name = String(cString: kernel.name)
    operands = String(cString: kernel.operands)
    processor = String(cString: kernel.processor)
    counterpart = String(cString: kernel.counterpart)
    runs = Int(kernel.runs)
  }
}
