/* The page of one run. */
#ifndef LS_REPORT_RUN_PAGE_H
#define LS_REPORT_RUN_PAGE_H

#include "report/document.h"
#include "report/run.h"

ls_status ls_run_page(ls_document *document, const ls_run *run);

/* One row per layer, and the model's graph drawn by Graphviz as model.svg and model.png. */
ls_status ls_model_draw(ls_document *document, const ls_experiment *experiment);

/* The commands that train it again and compare the weights, one a line. */
void ls_run_command(const ls_run *run, ls_text *out);

#endif
