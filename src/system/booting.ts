import type { Store } from '../step/index.ts'
import { boot_devices, type Device, start_kernel } from '../kernel/index.ts'
import { present } from './steps.ts'
import { errno } from './values.ts'
import { SystemState } from './state.ts'

export class SystemBooting extends SystemState {
  /** State before boot: everything private, nothing shared, devices as configured. */
  reset(st: Store): void {
    this.kernel.boot(st)
    boot_devices(this.kernel, st, (dev) => {
      this.machine.startAccepted(st, dev)
    })
  }

  /** Boot: pools are converted (kernel/boot.ts). */
  boot(): number {
    start_kernel(this.kernel)
    return 0
  }

  protected device(i: number): Device {
    return this.kernel.device(i)
  }
  protected absent(dev: number): number {
    return present(this, dev) === 0 ? errno.ENODEV : 0
  }
}
