/** Loaded before every test file: gives happy-dom an IndexedDB. */
import 'fake-indexeddb/auto'
