@preconcurrency import CHDF5
import Foundation

/// Access to the HDF5 C library, which writes and knows no threads: every call is made inside `locked`. What reads is
/// `HDF5Reader`.
enum HDF5 {
  private static let lock = NSRecursiveLock()
  /// A field whose disk is full stays half closed, and the library would crash on it while it tidies up at exit.
  /// Writers flush, so there is nothing to tidy up.
  private static let withoutExitHandler: Void = { _ = H5dont_atexit() }()

  static func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    _ = withoutExitHandler
    // The library prints its errors unless told not to, per thread where it was built for threads.
    H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
    return try body()
  }
}

/// Anything the HDF5 library has given a handle for, released with the last reference.
final class HDF5Object: @unchecked Sendable {
  let id: hid_t

  /// Nil if `id` stands for a failed call.
  init?(_ id: hid_t) {
    guard id >= 0 else { return nil }
    self.id = id
  }

  deinit { HDF5.locked { _ = H5Idec_ref(id) } }
}
