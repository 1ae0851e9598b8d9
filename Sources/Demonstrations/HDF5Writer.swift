@preconcurrency import CHDF5
import Foundation

/// Writes groups, fields and attributes of a new HDF5 file.
final class HDF5Writer {
  private let path: String
  private let file: HDF5Object
  /// h5py's bool.
  private let boolean: HDF5Object

  /// Deflate level: most of the gain at a fraction of the time that the highest level takes.
  private static let compression: UInt32 = 4

  /// Creates the file, or empties the one that is there. The library's own lock is not taken: on some file systems
  /// there is none, and `PartialFolder` has one.
  /// - Throws: `cannotWrite`.
  init(path: String) throws {
    self.path = path
    let truncate: UInt32 = 2  // H5F_ACC_TRUNC, a macro that Swift does not see
    (file, boolean) = try HDF5.locked {
      guard let access = HDF5Object(H5Pcreate(H5P_CLS_FILE_ACCESS_ID_g)),
        H5Pset_file_locking(access.id, false, true) >= 0,
        let file = HDF5Object(H5Fcreate(path, truncate, hid_t(H5P_DEFAULT), access.id)),
        let boolean = HDF5Object(H5Tenum_create(H5T_STD_I8LE_g))
      else { throw DemonstrationError.cannotWrite(path: path, reason: String(cString: strerror(errno))) }
      for (name, var value) in [("FALSE", Int8(0)), ("TRUE", 1)] { H5Tenum_insert(boolean.id, name, &value) }
      return (file, boolean)
    }
  }

  func group(_ name: String) throws {
    try HDF5.locked {
      _ = try made(H5Gcreate2(file.id, name, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT)), name)
    }
  }

  func write(_ values: [UInt8], _ name: String, shape: [Int], chunk: Int) throws {
    try write(values, name, shape: shape, chunk: chunk, stored: H5T_STD_U8LE_g, memory: H5T_NATIVE_UINT8_g)
  }

  func write(_ values: [Float], _ name: String, shape: [Int], chunk: Int) throws {
    try write(values, name, shape: shape, chunk: chunk, stored: H5T_IEEE_F32LE_g, memory: H5T_NATIVE_FLOAT_g)
  }

  func write(_ values: [Int64], _ name: String) throws {
    try write(values, name, shape: [values.count], chunk: values.count)
  }

  func write(_ values: [Int64], _ name: String, shape: [Int], chunk: Int) throws {
    try write(values, name, shape: shape, chunk: chunk, stored: H5T_STD_I64LE_g, memory: H5T_NATIVE_INT64_g)
  }

  func write(_ values: [Double], _ name: String) throws {
    try write(
      values, name, shape: [values.count], chunk: values.count, stored: H5T_IEEE_F64LE_g, memory: H5T_NATIVE_DOUBLE_g)
  }

  func write(_ values: [Bool], _ name: String) throws {
    let bytes = values.map { Int8($0 ? 1 : 0) }
    try write(bytes, name, shape: [bytes.count], chunk: bytes.count, stored: boolean.id, memory: boolean.id)
  }

  /// A compressed field that can grow along its first axis, in chunks of `chunk` rows, each with its checksum.
  private func write<Element: BitwiseCopyable>(
    _ values: [Element], _ name: String, shape: [Int], chunk: Int, stored: hid_t, memory: hid_t
  ) throws {
    try HDF5.locked {
      let tail = shape.dropFirst().map(hsize_t.init)
      let largest = [hsize_t.max] + tail  // H5S_UNLIMITED first
      let space = try made(H5Screate_simple(Int32(shape.count), shape.map(hsize_t.init), largest), name)
      let layout = try made(H5Pcreate(H5P_CLS_DATASET_CREATE_ID_g), name)
      try check(H5Pset_chunk(layout.id, Int32(shape.count), [hsize_t(chunk)] + tail), name)
      try check(H5Pset_deflate(layout.id, Self.compression), name)
      // Of what is stored, so that a reader can tell before it unpacks.
      try check(H5Pset_fletcher32(layout.id), name)
      // The same recording gives the same file: no times in it.
      try check(H5Pset_obj_track_times(layout.id, false), name)
      let field = try made(
        H5Dcreate2(file.id, name, stored, space.id, hid_t(H5P_DEFAULT), layout.id, hid_t(H5P_DEFAULT)), name)
      try check(H5Dwrite(field.id, memory, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT), values), name)
      try check(H5Dflush(field.id), name)
    }
  }

  func setAttribute(_ name: String, of object: String, to value: Int) throws {
    try setAttribute(name, of: object, to: Int64(value), stored: H5T_STD_I64LE_g, memory: H5T_NATIVE_INT64_g)
  }

  func setAttribute(_ name: String, of object: String, to value: UInt64) throws {
    // As h5py has it: signed unless the value is too large.
    let stored = value <= UInt64(Int64.max) ? H5T_STD_I64LE_g : H5T_STD_U64LE_g
    try setAttribute(name, of: object, to: value, stored: stored, memory: H5T_NATIVE_UINT64_g)
  }

  func setAttribute(_ name: String, of object: String, to value: Double) throws {
    try setAttribute(name, of: object, to: value, stored: H5T_IEEE_F64LE_g, memory: H5T_NATIVE_DOUBLE_g)
  }

  private func setAttribute<Value: BitwiseCopyable>(
    _ name: String, of object: String, to value: Value, stored: hid_t, memory: hid_t
  ) throws {
    try HDF5.locked {
      let space = try made(H5Screate(H5S_SCALAR), name)
      let attribute = try made(
        H5Acreate_by_name(
          file.id, object, name, stored, space.id, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT)), name)
      try withUnsafePointer(to: value) { try check(H5Awrite(attribute.id, memory, $0), name) }
    }
  }

  /// Hands everything written so far to the operating system.
  func flush() throws { try HDF5.locked { try check(H5Fflush(file.id, H5F_SCOPE_LOCAL), "file") } }

  private func made(_ id: hid_t, _ what: String) throws -> HDF5Object {
    guard let object = HDF5Object(id) else { throw failure(what) }
    return object
  }

  private func check(_ status: herr_t, _ what: String) throws {
    if status < 0 { throw failure(what) }
  }

  private func failure(_ what: String) -> DemonstrationError {
    .cannotWrite(path: path, reason: "HDF5 failed on '\(what)'")
  }
}
