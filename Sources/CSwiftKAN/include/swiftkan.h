/*
 * swiftkan.h: the C interface of swiftkan, a Kolmogorov-Arnold network library. This file is its manual.
 *
 * What it must get right, in this order:
 *   1. No argument may crash the process: a bad one gives SWIFTKAN_INVALID and a message that names it.
 *   2. Who owns what is said beside every pointer; nothing allocated on one side is freed on the other.
 *   3. A new option never changes a signature: settings and options are structs with a filling function.
 *
 * Words. A network has `depth` layers. Layer l joins the nodes of level l to the subnodes of level l + 1 by
 * edges, one learnable function of one variable each; multiplication nodes take the product of several subnodes.
 *   width_in[l]  = n_sum[l] + n_mult[l]                       nodes of level l
 *   width_out[l] = n_sum[l] + (arities of level l, added up)  subnodes of level l
 *   n            samples; D = width_in[0] inputs; O = width_in[depth] outputs
 *   scalar       double or float, as the model's dtype says; all `void *` arrays hold scalars
 * All arrays are C-contiguous, the last axis fastest. All counts are int64_t.
 *
 * Threads. Every call locks its model; a second thread waits. The lock is recursive: a callback may use the
 * model that is being fitted. Callbacks are called on the thread that called, never on another. One that uses another
 * model waits for that: two fits whose callbacks use each other's models wait for ever.
 *
 * Messages. Every call that can fail takes `char *message`: NULL, or SWIFTKAN_MESSAGE_SIZE bytes that receive a
 * sentence in UTF-8, always ended by NUL, when the status is not SWIFTKAN_OK.
 */
#ifndef SWIFTKAN_H
#define SWIFTKAN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(enum_extensibility)
#define SWIFTKAN_ENUM __attribute__((enum_extensibility(closed)))
#endif
#endif
#ifndef SWIFTKAN_ENUM
#define SWIFTKAN_ENUM
#endif

/* The number of this interface. It changes when a struct or a signature does. */
#define SWIFTKAN_ABI 1
#define SWIFTKAN_MESSAGE_SIZE 512

/* How a call ended. */
typedef enum SWIFTKAN_ENUM swiftkan_status {
  SWIFTKAN_OK = 0,        /* done */
  SWIFTKAN_INVALID = 1,   /* an argument is not allowed; nothing was changed */
  SWIFTKAN_NO_MEMORY = 2, /* an allocation failed; nothing was changed */
  SWIFTKAN_CANCELLED = 3, /* a callback asked to stop; after a fit the model holds the last finite accepted parameters */
  SWIFTKAN_DIVERGED = 4,  /* the loss stopped being finite; the last finite parameters were restored */
  SWIFTKAN_INTERNAL = 5   /* an error of this library; please report it */
} swiftkan_status;

typedef enum SWIFTKAN_ENUM swiftkan_dtype { SWIFTKAN_FLOAT32 = 4, SWIFTKAN_FLOAT64 = 8 } swiftkan_dtype;

/* The fixed function that every edge has beside its spline: x·sigmoid(x), x, or 0. */
typedef enum SWIFTKAN_ENUM swiftkan_base_fun {
  SWIFTKAN_SILU = 0,
  SWIFTKAN_IDENTITY = 1,
  SWIFTKAN_ZERO = 2
} swiftkan_base_fun;

/* One network: an opaque handle. */
typedef struct swiftkan_model swiftkan_model;

/* ---- Making a model ---------------------------------------------------------------------------------------- */

/* What a network is made from. The arrays belong to the caller and are copied. */
typedef struct swiftkan_settings {
  int32_t dtype;             /* swiftkan_dtype */
  int32_t base_fun;          /* swiftkan_base_fun */
  int64_t depth;             /* layers, at least 1 */
  const int64_t *n_sum;      /* (depth + 1) addition nodes a level */
  const int64_t *n_mult;     /* (depth + 1) multiplication nodes a level; those of level 0 must be 0 */
  const int64_t *mult_arity; /* (Σ n_mult) factors of each multiplication node, level after level; at least 1.
                                May be NULL where there is none */
  const int64_t *grid;       /* (depth) grid intervals G of each layer, at least 1 */
  const int64_t *k;          /* (depth) spline degree of each layer, 0 … 20 */
  double noise_scale;        /* size of the initial spline noise */
  double scale_base_mu, scale_base_sigma; /* the initial scale_base is mu/√in + sigma·uniform(-1, 1)/√in */
  double grid_eps;           /* 1: uniform grids from samples, 0: quantiles, between: a mixture */
  double grid_range[2];      /* the initial grid, lower and upper end */
  int32_t affine_trainable;  /* are the scales and biases of nodes and subnodes trained */
  int32_t sp_trainable, sb_trainable; /* is scale_sp, is scale_base trained */
  int32_t sparse_init;       /* join each node to its nearest neighbours only */
  int32_t symbolic_enabled;  /* are symbolic edges evaluated */
  uint32_t seed;             /* the same seed gives pykan's network */
  uint32_t reserved;
} swiftkan_settings;

int32_t swiftkan_abi(void); /* SWIFTKAN_ABI of the library, to compare with the header's */

/* Fills every field with its default (pykan's); arrays with NULL, depth with 0. */
void swiftkan_settings_init(swiftkan_settings *settings);

/* Makes a network. *model is the caller's, to be given to swiftkan_destroy. OK, INVALID, NO_MEMORY. */
swiftkan_status swiftkan_create(const swiftkan_settings *settings, swiftkan_model **model, char *message);

/* Makes an independent copy, to be given to swiftkan_destroy. OK, INVALID, NO_MEMORY. */
swiftkan_status swiftkan_copy(swiftkan_model *model, swiftkan_model **copy, char *message);

/*
 * Makes a copy for evaluating only, to be given to swiftkan_destroy. A model takes its numbers over in every call, since they
 * may have been changed; a compiled one has done so once, which is quicker for few samples and gives the same bits. Its state must
 * not be written; calls that would change it are INVALID. OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_compile(swiftkan_model *model, swiftkan_model **compiled, char *message);

/* Ends a model's life. NULL is allowed. */
void swiftkan_destroy(swiftkan_model *model);

/* ---- What a model holds ------------------------------------------------------------------------------------ */

/*
 * All numbers of a model are one array of scalars that stays where it is for the model's life: first the
 * `parameter_count` parameters (coef, scale_base, scale_sp, affine, node and subnode scales and biases), then
 * grids and masks. Writing into it changes the model. Gradients have parameter_count scalars in the same order.
 */
typedef struct swiftkan_info {
  int32_t dtype;           /* swiftkan_dtype */
  int32_t base_fun;        /* swiftkan_base_fun */
  int64_t depth;
  int64_t input_count;     /* D */
  int64_t output_count;    /* O */
  int64_t parameter_count; /* scalars that gradients speak of */
  int64_t state_count;     /* all scalars */
  int64_t block_count;     /* named parts of the state */
  void *state;             /* the model's own array; the caller may read and write it, never free it */
} swiftkan_info;

swiftkan_status swiftkan_info_get(const swiftkan_model *model, swiftkan_info *info, char *message);

/* A named part of the state: pykan's state_dict names and shapes, e.g. "act_fun.0.coef" (in, out, G + k). */
typedef struct swiftkan_block {
  char name[48];
  int64_t offset;   /* scalars from the start of the state */
  int64_t count;    /* scalars */
  int32_t ndim;     /* 1 … 3 */
  int32_t trainable; /* does training change it, with the flags as they are now */
  int64_t shape[3];
} swiftkan_block;

/* Describes block `index`, 0 ≤ index < block_count. OK, INVALID. */
swiftkan_status swiftkan_block_get(const swiftkan_model *model, int64_t index, swiftkan_block *block,
                                   char *message);

/* Settings that may change during a model's life. */
typedef struct swiftkan_flags {
  int32_t affine_trainable, sp_trainable, sb_trainable, symbolic_enabled;
  double grid_eps;
} swiftkan_flags;

swiftkan_status swiftkan_flags_get(swiftkan_model *model, swiftkan_flags *flags, char *message);
swiftkan_status swiftkan_flags_set(swiftkan_model *model, const swiftkan_flags *flags, char *message);

/* ---- Symbolic functions ------------------------------------------------------------------------------------ */

/*
 * Functions are numbered 0 … swiftkan_function_count() - 1: the library's in the order of pykan's, then those that were
 * added, in the order of adding.
 */
int64_t swiftkan_function_count(void);

/* The function's name ("x^2", "sin", … in pykan's library), a constant string; NULL if there is no such number. */
const char *swiftkan_function_name(int64_t function);

/*
 * y[s] = f(x[s]) and, if dy is not NULL, dy[s] = f'(x[s]), for n scalars of type `dtype`.
 * avoid_singularities: use the bounded form of f, whose values stay near or below y_th. OK, INVALID.
 */
swiftkan_status swiftkan_function_evaluate(int64_t function, int32_t dtype, const void *x, int64_t n,
                                           int32_t avoid_singularities, double y_th, void *y, void *dy,
                                           char *message);

/*
 * What a function of the user's does: y[s] = f(x[s]) and, if dy is not NULL, dy[s] = f'(x[s]), for n scalars of type
 * `dtype`. y may be x. With avoid_singularities every value should be finite, near or below y_th. Returns 0; any other
 * number means that it could not, and stands for NaN everywhere.
 *
 * It is called on the thread that called the library, while that call holds its model's lock, for blocks of samples in no
 * particular number; it must not call the library with a model.
 */
typedef int32_t (*swiftkan_function_body)(void *context, int32_t dtype, const void *x, int64_t n,
                                          int32_t avoid_singularities, double y_th, void *y, void *dy);

/*
 * Adds a function for the life of the process; *function receives its number. `name` is copied and must not be one of the
 * library's; a second function of one name is another function, with a number of its own. `body` and `context` must stay
 * valid for ever. Networks that use it are evaluated on one thread. OK, INVALID.
 */
swiftkan_status swiftkan_function_add(const char *name, swiftkan_function_body body, void *context, int64_t *function,
                                      char *message);

/*
 * Fits c·f(a·x + b) + d to the samples (x[s], y[s]), s = 0 … n - 1, for each of `count` functions: affine (count, 4)
 * receives a, b, c, d and r2 (count) the share of y's variance that is explained, 0 … 1 (0 if y is constant, or if f
 * is defined for no a, b that were tried). No a, b that leave f's domain, or have a pole among the samples, are taken.
 * a_range, b_range (2 each, or NULL for -10, 10): a and b looked at besides those for which a·x + b lies in -10 … 10.
 * poll (or NULL): called with `context` on the calling thread about every 20 ms; unless it answers SWIFTKAN_CONTINUE, the
 * fit ends with CANCELLED and no results. All arrays are doubles. n ≥ 1. OK, INVALID, CANCELLED.
 */
swiftkan_status swiftkan_symbolic_fit(const int64_t *functions, int64_t count, const double *x, const double *y,
                                      int64_t n, const double *a_range, const double *b_range,
                                      int32_t (*poll)(void *context), void *context, double *affine, double *r2,
                                      char *message);

/* The function on the edge from node i to subnode j of layer l. Its mask and affine are in the state. OK, INVALID. */
swiftkan_status swiftkan_symbolic_get(swiftkan_model *model, int64_t l, int64_t i, int64_t j, int64_t *function,
                                      char *message);
swiftkan_status swiftkan_symbolic_set(swiftkan_model *model, int64_t l, int64_t i, int64_t j, int64_t function,
                                      char *message);

/* ---- Evaluating -------------------------------------------------------------------------------------------- */

/* How symbolic edges are evaluated, and whether the call can be interrupted. NULL stands for {0, 0, 10, NULL, NULL}. */
typedef struct swiftkan_evaluation {
  int32_t singularity_avoiding; /* use the bounded forms */
  int32_t reserved;
  double y_th; /* their bound, above 0 */
  /*
   * NULL, or called with `context` at most every 20 ms on the caller's thread while the call lasts; another answer than
   * SWIFTKAN_CONTINUE ends it with CANCELLED: the model is as it was, arrays for results hold anything. swiftkan_fit has
   * callbacks of its own and ignores it.
   */
  int32_t (*poll)(void *context);
  void *context;
} swiftkan_evaluation;

/* y (n, O) = the network at x (n, D). n may be 0. OK, INVALID, NO_MEMORY. */
swiftkan_status swiftkan_forward(swiftkan_model *model, const void *x, int64_t n,
                                 const swiftkan_evaluation *evaluation, void *y, char *message);

/* What swiftkan_activations can give, in the words of pykan's attributes. in, out: of the layer. */
typedef enum SWIFTKAN_ENUM swiftkan_activation {
  SWIFTKAN_ACTS = 0,                 /* (n, width_in[l]), l = 0 … depth: the values of nodes */
  SWIFTKAN_ACTS_PREMULT = 1,         /* (n, out): subnodes after scale and bias */
  SWIFTKAN_SPLINE_POSTACTS = 2,      /* (n, out, in): edges, numeric plus symbolic part */
  SWIFTKAN_SPLINE_POSTSPLINES = 3,   /* (n, out, in): the spline alone, before scale and mask */
  SWIFTKAN_POSTACTS_NUMERICAL = 4,   /* (n, out, in): edges, numeric part */
  SWIFTKAN_POSTACTS_SYMBOLIC = 5     /* (n, out, in): edges, symbolic part */
} swiftkan_activation;

/* Writes one kind of activation of layer l (0 … depth - 1; for ACTS up to depth) at x (n, D). */
swiftkan_status swiftkan_activations(swiftkan_model *model, const void *x, int64_t n,
                                     const swiftkan_evaluation *evaluation, int32_t kind, int64_t l, void *out,
                                     char *message);

/*
 * Means and standard deviations (n - 1 in the denominator) over the samples, streamed: no array of n·in·out.
 * For each layer l in turn, with in = width_in[l], out = width_out[l + 1], `statistics` receives as doubles
 *   node_mean (in), node_std (in)             the layer's inputs
 *   subnode_mean (out), subnode_std (out)     the sums over edges, before scale and bias
 *   edge_mean (out, in), edge_std (out, in)   numeric plus symbolic part
 *   numerical_mean (out, in), numerical_std (out, in)   numeric part
 * swiftkan_statistics_count gives the number of doubles. n ≥ 2. OK, INVALID, NO_MEMORY.
 */
int64_t swiftkan_statistics_count(const swiftkan_model *model);
swiftkan_status swiftkan_statistics(swiftkan_model *model, const void *x, int64_t n,
                                    const swiftkan_evaluation *evaluation, double *statistics, char *message);

/* ---- Objectives and gradients ------------------------------------------------------------------------------ */

typedef enum SWIFTKAN_ENUM swiftkan_loss {
  SWIFTKAN_MSE = 0,           /* mean of (p - y)² over samples and outputs */
  SWIFTKAN_MAE = 1,           /* mean of |p - y| */
  SWIFTKAN_HUBER = 2,         /* mean of r²/2 for |r| ≤ δ, δ(|r| - δ/2) beyond */
  SWIFTKAN_CROSS_ENTROPY = 3, /* mean over samples of -Σ_o y_o log softmax(p)_o */
  SWIFTKAN_BCE = 4,           /* mean of binary cross-entropy; p are logits, y in [0, 1] */
  SWIFTKAN_CUSTOM = 5         /* the loss callback; swiftkan_fit only */
} swiftkan_loss;

/* pykan's regularisation metrics: which matrix of edge (or node) sizes is made small and sparse. */
typedef enum SWIFTKAN_ENUM swiftkan_reg_metric {
  SWIFTKAN_EDGE_FORWARD_SPLINE_N = 0,
  SWIFTKAN_EDGE_FORWARD_SUM = 1,
  SWIFTKAN_EDGE_FORWARD_SPLINE_U = 2,
  SWIFTKAN_EDGE_BACKWARD = 3,
  SWIFTKAN_NODE_BACKWARD = 4
} swiftkan_reg_metric;

/* Samples. The arrays belong to the caller and must stay for the call. */
typedef struct swiftkan_data {
  int64_t n;             /* samples, at least 1 */
  const void *x;         /* (n, D) */
  const void *y;         /* (n, O), or NULL if `labels` is given */
  const int64_t *labels; /* (n) classes 0 … O - 1, for SWIFTKAN_CROSS_ENTROPY; or NULL */
  const void *weight;    /* (n) sample weights ≥ 0, not all 0; or NULL for equal ones */
} swiftkan_data;

/* objective = loss + lamb · regularisation */
typedef struct swiftkan_objective {
  int32_t loss;       /* swiftkan_loss */
  int32_t reg_metric; /* swiftkan_reg_metric */
  double huber_delta; /* δ > 0 */
  double lamb, lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff;
} swiftkan_objective;

void swiftkan_objective_init(swiftkan_objective *objective); /* MSE, lamb 0, l1 1, entropy 2, coef 0, coefdiff 0 */

/*
 * The loss and the regularisation at the model's parameters. `loss` and `reg` receive the two terms (reg is 0
 * without a sweep if lamb is 0). grad (parameter_count) receives the gradient of loss + lamb·reg, grad_x (n, D)
 * that of the same with respect to x; either may be NULL. OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_loss_gradient(swiftkan_model *model, const swiftkan_data *data,
                                       const swiftkan_objective *objective,
                                       const swiftkan_evaluation *evaluation, double *loss, double *reg,
                                       void *grad, void *grad_x, char *message);

/*
 * The vector-Jacobian product: with v = grad_output (n, O), grad (parameter_count) = Σ v·∂output/∂parameter and
 * grad_x (n, D) = Σ v·∂output/∂x. Either may be NULL. OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_vjp(swiftkan_model *model, const void *x, int64_t n,
                             const swiftkan_evaluation *evaluation, const void *grad_output, void *grad,
                             void *grad_x, char *message);

/* The regularisation alone (objective->lamb is not used) and, if grad is not NULL, its gradient. n ≥ 2. */
swiftkan_status swiftkan_regularization(swiftkan_model *model, const void *x, int64_t n,
                                        const swiftkan_objective *objective,
                                        const swiftkan_evaluation *evaluation, double *reg, void *grad,
                                        char *message);

/*
 * The parameters that Levenberg-Marquardt moves: coefficients and scale_base of edges that are on, affine numbers of symbolic
 * edges, and of nodes if they are trained (scale_sp only multiplies coefficients and stays). index[c] is where column c's
 * parameter stands in the state. With index NULL only *count is set; else *count must be what that gave. At most 10000.
 * OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_parameter_columns(swiftkan_model *model, int64_t *count, int64_t *index, char *message);

/*
 * jacobian (n, O, count) = ∂output/∂parameter at x (n, D), as doubles, for those parameters. OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_parameter_jacobian(swiftkan_model *model, const void *x, int64_t n,
                                            const swiftkan_evaluation *evaluation, int64_t count, double *jacobian,
                                            char *message);

/*
 * matrix (count, count) = Σ w JᵀJ over samples and outputs, streamed: J is never stored. Of data, x and weight are used.
 * OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_normal_matrix(swiftkan_model *model, const swiftkan_data *data,
                                       const swiftkan_evaluation *evaluation, int64_t count, double *matrix,
                                       char *message);

/* ---- Grids ------------------------------------------------------------------------------------------------- */

/*
 * Moves the knots of every layer to the samples x (n, D) and refits the splines. n ≥ 1. The grids reach `margin` (0 … 1)
 * times the samples' range beyond the outermost of them at either end; `curvature` is 0 for knots at quantiles of the
 * samples, as in pykan, or 1 for more knots where the splines bend. OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_update_grid(swiftkan_model *model, const void *x, int64_t n, double margin, int32_t curvature,
                                     const swiftkan_evaluation *evaluation, char *message);

/*
 * A new model with grid[l] intervals in layer l (depth numbers) and the function of `model`: exact inside the
 * grid where the new knots contain the old, else least squares at the samples x. Where samples lie outside the
 * old grid the new one may reach out to them. The caller owns *refined.
 */
swiftkan_status swiftkan_refine(swiftkan_model *model, const int64_t *grid, const void *x, int64_t n,
                                const swiftkan_evaluation *evaluation, swiftkan_model **refined, char *message);

/*
 * Gives `model` the function of `parent`, a model of the same widths, arities and base function but any grid
 * and k: parameters are copied, splines refitted at the samples x (n, D). OK, INVALID, NO_MEMORY.
 */
swiftkan_status swiftkan_initialize_from(swiftkan_model *model, swiftkan_model *parent, const void *x, int64_t n,
                                         const swiftkan_evaluation *evaluation, char *message);

/* ---- Training ---------------------------------------------------------------------------------------------- */

typedef enum SWIFTKAN_ENUM swiftkan_optimizer {
  SWIFTKAN_LBFGS = 0, /* strong-Wolfe L-BFGS, max_iter inner iterations a step */
  SWIFTKAN_ADAM = 1,
  SWIFTKAN_ADAMW = 2,
  SWIFTKAN_SGD = 3,
  SWIFTKAN_LM = 4,    /* Levenberg-Marquardt, all samples; MSE, HUBER, CROSS_ENTROPY, BCE; lr is not used */
  SWIFTKAN_SSBFGS = 5,    /* self-scaled BFGS, whole inverse Hessian, max_iter inner iterations a step */
  SWIFTKAN_SSBROYDEN = 6, /* self-scaled Broyden, likewise */
  SWIFTKAN_NEWTON_KACZMARZ = 7 /* a pass over all samples a step, one after another; MSE without lamb; lr 0 … 1 */
} swiftkan_optimizer;

/* What training is doing, for callbacks. Losses are the objective's own, without a square root. */
typedef struct swiftkan_progress {
  int64_t step;      /* steps that are complete */
  int64_t steps;     /* steps asked for */
  double train_loss, test_loss, reg; /* of the last complete step; NaN before the first and without test data */
} swiftkan_progress;

/* What a callback answers. */
enum { SWIFTKAN_CONTINUE = 0, SWIFTKAN_STOP = 1 /* end well */, SWIFTKAN_CANCEL = 2 /* end with CANCELLED */ };

/*
 * Callbacks, any of them NULL. All get `context`, on the calling thread.
 *   poll   at most every 20 ms, also within a step: for signals
 *   step   after every step
 *   loss   for SWIFTKAN_CUSTOM: prediction (rows, O) of the samples whose numbers are in index (rows; NULL: all in
 *          order), of the training data or, if is_test, the test data; sets *value and fills grad (rows, O), which
 *          is NULL where no gradient is needed
 */
typedef struct swiftkan_callbacks {
  void *context;
  int32_t (*poll)(void *context, const swiftkan_progress *progress);
  int32_t (*step)(void *context, const swiftkan_progress *progress);
  int32_t (*loss)(void *context, int32_t is_test, const void *prediction, const int64_t *index, int64_t rows,
                  double *value, void *grad);
} swiftkan_callbacks;

typedef struct swiftkan_fit_options {
  int32_t optimizer;     /* swiftkan_optimizer */
  int32_t update_grid;   /* are grids moved to the samples during training */
  int64_t steps;         /* steps; with `epochs` set, passes over the data. At least 0 */
  int64_t batch;         /* samples a step; ≤ 0: all */
  int32_t epochs;        /* 0: each step draws one batch (pykan); 1: each step is a pass over shuffled batches */
  uint32_t seed;         /* of the batches */
  int64_t grid_update_num, start_grid_update_step, stop_grid_update_step;
  double grid_margin;     /* of moved grids, as swiftkan_update_grid's margin */
  int32_t grid_curvature; /* as swiftkan_update_grid's curvature */
  int32_t continued;      /* Levenberg-Marquardt: where no sample is, splines stay (1) or are made smooth (0) */
  double lr;
  const double *lr_factor; /* (steps) multiplies lr, step by step; or NULL */
  double beta1, beta2, eps, weight_decay; /* Adam, AdamW; weight_decay also SGD */
  double momentum;       /* SGD */
  int64_t history_size, max_iter, max_eval; /* L-BFGS: pairs kept; inner iterations and evaluations a step */
  double tolerance_grad, tolerance_change, tolerance_ys; /* L-BFGS */
  int64_t patience;      /* stop after so many steps without a better loss and restore the best; 0: never */
  double min_delta;      /* what counts as better */
  swiftkan_objective objective;
  swiftkan_evaluation evaluation;
} swiftkan_fit_options;

void swiftkan_fit_options_init(swiftkan_fit_options *options); /* pykan's defaults */

/* Why training ended. */
typedef enum SWIFTKAN_ENUM swiftkan_stop_reason {
  SWIFTKAN_STOP_STEPS = 0,     /* all steps done */
  SWIFTKAN_STOP_CONVERGED = 1, /* the optimiser cannot improve */
  SWIFTKAN_STOP_PATIENCE = 2,  /* early stopping */
  SWIFTKAN_STOP_CALLBACK = 3,  /* a callback asked */
  SWIFTKAN_STOP_DIVERGED = 4   /* the loss was not finite */
} swiftkan_stop_reason;

/* Results. The caller gives the three arrays of `steps` doubles, or NULL; the losses are the objective's own. */
typedef struct swiftkan_fit_report {
  double *train_loss, *test_loss, *reg; /* a value a step; test_loss NaN without test data */
  int64_t steps;       /* steps done, and values written */
  int64_t best_step;   /* with patience: the step whose parameters are kept; else steps - 1 */
  int64_t evaluations; /* of loss and gradient */
  int32_t reason;      /* swiftkan_stop_reason */
  int32_t reserved;
} swiftkan_fit_report;

/*
 * Trains the model on `train`; `test` may be NULL. OK (however it stopped), INVALID, NO_MEMORY, CANCELLED,
 * DIVERGED. After CANCELLED and DIVERGED the model is usable and the report is filled.
 */
swiftkan_status swiftkan_fit(swiftkan_model *model, const swiftkan_data *train, const swiftkan_data *test,
                             const swiftkan_fit_options *options, const swiftkan_callbacks *callbacks,
                             swiftkan_fit_report *report, char *message);

/* ---- Random numbers and threads ---------------------------------------------------------------------------- */

/*
 * Fills out (count scalars of type `dtype`) with torch's uniform numbers in [0, 1) for this seed, leaving out the
 * first `skip` 32-bit draws (a float64 takes two draws, a float32 one). OK, INVALID.
 */
swiftkan_status swiftkan_uniform(uint32_t seed, int64_t skip, int32_t dtype, int64_t count, void *out,
                                 char *message);

/* How many threads calls may use, the caller's included. Default: the processors this process may use. ≥ 1. */
swiftkan_status swiftkan_set_num_threads(int64_t threads, char *message);
int64_t swiftkan_get_num_threads(void);

#ifdef __cplusplus
}
#endif
#endif
