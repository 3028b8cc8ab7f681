package history

import (
	"context"
	"errors"
	"fmt"

	"realmsync/server/store"
)

// forgetBatch is how many files are forgotten by one job.
const forgetBatch = 256

// Forget makes the engine not know a client file any more: its next IDENT is refused with 208, and it resets (spec/app-services.md section
// 11.4). store.ErrNotFound if there is no such file. That it is forgotten is kept as a salt of 0, which no file has.
func (e *Engine) Forget(ctx context.Context, ident uint64) error {
	_, err := do(ctx, e, true, func(g *group) (none struct{}, err error) { return none, g.forget(ident) })
	if err != nil {
		return fmt.Errorf("history: client file %d: %w", ident, err)
	}
	return nil
}

// ForgetAll is Forget for all client files that there are.
func (e *Engine) ForgetAll(ctx context.Context) error {
	for next := uint64(FirstFile); ; next += forgetBatch {
		more, err := do(ctx, e, true, func(g *group) (bool, error) {
			last, err := g.tx.MaxFile()
			if err != nil {
				return false, err
			}
			for ident := next; ident <= last && ident < next+forgetBatch; ident++ {
				if err := g.forget(ident); err != nil && !errors.Is(err, store.ErrNotFound) {
					return false, err
				}
			}
			return next+forgetBatch <= last, nil
		})
		if err != nil {
			return fmt.Errorf("history: forgetting the client files: %w", err)
		}
		if !more {
			return nil
		}
	}
}

func (g *group) forget(ident uint64) error {
	file, err := g.file(ident)
	if err != nil {
		return err
	}
	file.Salt = 0
	g.expire(file)
	return nil
}

// unfollowed tells whether there is no client file that is not forgotten.
func (g *group) unfollowed() (bool, error) {
	for _, f := range g.files {
		if f.Salt != 0 {
			return false, nil
		}
	}
	last, err := g.tx.MaxFile()
	if err != nil {
		return false, err
	}
	for ident := uint64(FirstFile); ident <= last; ident++ {
		if g.files[ident] != nil {
			continue
		}
		if f, err := g.tx.File(ident); err == nil && f.Salt != 0 {
			return false, nil
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
	}
	return true, nil
}
