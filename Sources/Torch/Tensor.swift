import CTorch
import Foundation

/// The type of a tensor's elements.
public enum ElementType: UInt32, Sendable, CustomStringConvertible {
  case float32, float64, bfloat16, int64, int32, uint8, bool

  var c: CTType { CTType(rawValue: rawValue) }
  public var bytes: Int { [4, 8, 2, 8, 4, 1, 1][Int(rawValue)] }
  public var description: String {
    ["float32", "float64", "bfloat16", "int64", "int32", "uint8", "bool"][Int(rawValue)]
  }
}

/// A Swift type that a tensor's elements can be read as and made from.
public protocol Element { static var elementType: ElementType { get } }
extension Float: Element { public static var elementType: ElementType { .float32 } }
extension Double: Element { public static var elementType: ElementType { .float64 } }
extension Int64: Element { public static var elementType: ElementType { .int64 } }
extension Int32: Element { public static var elementType: ElementType { .int32 } }
extension UInt8: Element { public static var elementType: ElementType { .uint8 } }
extension Bool: Element { public static var elementType: ElementType { .bool } }

/// An n-dimensional array on some device, with its place in the graph that gradients flow through.
///
/// Immutable: every operation makes a new one. Operations do not throw; one that libtorch refuses (shapes that do not
/// fit) is a bug, and stops the program with the operation's name and its operands' shapes. What comes from outside is
/// checked before it becomes a tensor.
public class Tensor: CustomStringConvertible {
  let handle: CTTensor

  init(owning handle: CTTensor) { self.handle = handle }
  deinit { ct_release(handle) }

  /// A copy of `values` in row-major order, shaped `shape`.
  public init<E: Element>(_ values: [E], _ shape: [Int], on device: Device = .cpu) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill the shape \(shape)")
    handle = values.withUnsafeBytes { Tensor.copying($0.baseAddress!, shape, E.elementType, device) }
  }

  /// A copy of raw little-endian `bytes` in row-major order.
  public init(bytes: UnsafeRawBufferPointer, _ shape: [Int], _ type: ElementType, on device: Device = .cpu) {
    precondition(bytes.count == shape.reduce(type.bytes, *), "\(bytes.count) bytes do not fill \(shape) of \(type)")
    handle = Tensor.copying(bytes.baseAddress!, shape, type, device)
  }

  /// A view of raw little-endian `bytes` in row-major order, at a multiple of an element's size, which stay as they are
  /// for as long as `owner` is there. It is kept until the last tensor that shares them is gone.
  init(viewing bytes: UnsafeRawBufferPointer, _ shape: [Int], _ type: ElementType, of owner: AnyObject) {
    precondition(bytes.count == shape.reduce(type.bytes, *), "\(bytes.count) bytes do not fill \(shape) of \(type)")
    var out = CTTensor()
    let kept = Unmanaged.passRetained(owner).toOpaque()
    let status = ct_view_bytes(
      bytes.baseAddress!, shape.map(Int64.init), Int32(shape.count), type.c, kept,
      { Unmanaged<AnyObject>.fromOpaque($0!).release() }, &out)
    check(status, "view", [])
    handle = out
  }

  private static func copying(_ bytes: UnsafeRawPointer, _ shape: [Int], _ type: ElementType, _ device: Device)
    -> CTTensor
  {
    var out = CTTensor()
    check(
      ct_from_bytes(bytes, shape.map(Int64.init), Int32(shape.count), type.c, device.c, &out), "copy to \(device)", [])
    return out
  }

  public static func full(_ shape: [Int], _ value: Double, _ type: ElementType = .float32, on device: Device = .cpu)
    -> Tensor
  {
    call("full \(shape)") { ct_full(shape.map(Int64.init), Int32(shape.count), value, type.c, device.c, $0) }
  }
  public static func zeros(_ shape: [Int], _ type: ElementType = .float32, on device: Device = .cpu) -> Tensor {
    full(shape, 0, type, on: device)
  }
  public static func ones(_ shape: [Int], _ type: ElementType = .float32, on device: Device = .cpu) -> Tensor {
    full(shape, 1, type, on: device)
  }

  public private(set) lazy var shape: [Int] = {
    var sizes = [Int64](repeating: 0, count: Int(ct_rank(handle)))
    ct_shape(handle, &sizes)
    return sizes.map(Int.init)
  }()
  public var count: Int { shape.reduce(1, *) }
  public var type: ElementType { ElementType(rawValue: ct_type(handle).rawValue)! }
  public var device: Device { Device(ct_device(handle)) }

  /// All elements in row-major order, converted to `E`; waits for the device.
  public func values<E: Element>(as _: E.Type = E.self) -> [E] {
    let plain = type == E.elementType ? self : to(E.elementType)
    return [E](unsafeUninitializedCapacity: count) { buffer, filled in
      check(
        ct_copy_bytes(plain.handle, buffer.baseAddress, plain.count * E.elementType.bytes), "copy to memory", [plain])
      filled = plain.count
    }
  }

  /// The raw little-endian bytes in row-major order.
  public func bytes() -> [UInt8] {
    let size = count * type.bytes
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      check(ct_copy_bytes(handle, buffer.baseAddress, size), "copy to memory", [self])
      filled = size
    }
  }

  /// The only element.
  public var item: Double { values(as: Double.self)[0] }

  public var description: String { "\(type)\(shape)\(device == .cpu ? "" : " on \(device)")" }
}

/// Stops the program, naming the operation and its operands, when libtorch refused it: a mistake in the program, or too
/// little memory.
func check(_ status: Int32, _ operation: @autoclosure () -> String, _ operands: [Tensor]) {
  guard status != 0 else { return }
  let shapes = operands.map(\.description).joined(separator: ", ")
  let reason = String(cString: ct_last_error())
  if reason.contains("allocate memory") || reason.contains("not enough memory") || reason.contains("std::bad_alloc")
    || reason.contains("out of memory")
  {
    FileHandle.standardError.write(
      Data("error: not enough memory for \(operation()) on (\(shapes)); choose smaller sizes or a smaller batch\n".utf8)
    )
    exit(1)
  }
  fatalError("\(operation()) on (\(shapes)) failed: \(reason)")
}

/// Runs one call of the C shim and wraps what it returns.
func call(
  _ operation: @autoclosure () -> String, _ operands: Tensor..., body: (UnsafeMutablePointer<CTTensor>) -> Int32
) -> Tensor {
  var out = CTTensor()
  check(body(&out), operation(), operands)
  return Tensor(owning: out)
}
