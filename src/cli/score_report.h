/* What evaluate --report says of every output: how well each class is told from the others, or how far values are off.
 */
#ifndef LS_CLI_SCORE_REPORT_H
#define LS_CLI_SCORE_REPORT_H

#include "cli/predictions.h"

/*
 * Of outputs that are classes': the confusion matrix, and precision, recall, F1 and support of each class, laid out and
 * computed as scikit-learn's classification_report: classes that occur, 0 where nothing is divided by nothing. Of
 * others: residuals, prediction - target, in the units of the target; quartiles as NumPy's percentile.
 * Every sample counts once, whatever its weight. Rank 0. LS_ERR_USAGE if targets are not held in memory.
 */
ls_status ls_score_report(const ls_data_arguments *a, const ls_predictions *p, ls_text *out);

#endif
